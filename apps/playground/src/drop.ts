/** Takes files that a person drops anywhere on the page. */
export function onDrop(take: (files: readonly File[]) => void): void {
  for (const type of ["dragover", "drop", "dragleave"] as const) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      document.body.classList.toggle("dropping", type === "dragover");
      const files = [...(event.dataTransfer?.files ?? [])];
      if (type === "drop" && files.length > 0) take(files);
    });
  }
}
