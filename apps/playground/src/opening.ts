/** Bytes of what this page takes in; more would end the tab of many a phone. */
export const largest = { checkpoint: 2 ** 30, log: 2 ** 28, picture: 2 ** 28 } as const;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;

const tooLarge = (found: string, most: number): RangeError =>
  new RangeError(`Expected at most ${megabytes(most)} but found ${found}: too much for this page; choose a smaller one`);

/** Throws a RangeError where a file has more than `most` bytes. */
export function checkSize(file: File, most: number): void {
  if (file.size > most) throw tooLarge(megabytes(file.size), most);
}

/** The bytes of a file. Throws a RangeError where they are more than `most`, an Error where the browser cannot read them. */
export async function bytesOf(file: File, most: number): Promise<ArrayBuffer> {
  checkSize(file, most);
  return file.arrayBuffer().catch((cause: Error) => {
    throw new Error(`Expected a file that can be read but found ${cause.message}; choose it again, and no folder`, { cause });
  });
}

/**
 * What a server sends, of which `progress` is told the bytes so far. Throws an Error where it cannot be reached, answers with a status of failure or ends in the midst, and
 * a RangeError as soon as it says or sends more than `most` bytes.
 */
export async function fetched(address: string, most: number, progress: (bytes: string) => unknown): Promise<ArrayBuffer> {
  const response = await fetch(address).catch((cause: Error) => {
    const advice = "check the address; a server of another site must be reached by https and allow it (CORS)";
    throw new Error(`Expected an answer from its server but found none (${cause.message}); ${advice}`, { cause });
  });
  if (!response.ok || !response.body)
    throw new Error(`Expected a checkpoint but found status ${response.status} as the server's answer; check the address`);
  const declared = Number(response.headers.get("content-length") ?? 0);
  const reader = response.body.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const next = () =>
    reader.read().catch((cause: Error) => {
      throw new Error(`Expected all of a checkpoint but found an end after ${megabytes(length)} (${cause.message}); try again`, { cause });
    });
  try {
    if (declared > most) throw tooLarge(megabytes(declared), most);
    for (let part = await next(); !part.done; part = await next()) {
      length += part.value.length;
      if (length > most) throw tooLarge("more", most);
      parts.push(part.value);
      progress(megabytes(length));
    }
  } finally {
    void reader.cancel().catch(() => {}); // of what has failed there is nothing to cancel
  }
  return new Blob(parts).arrayBuffer();
}
