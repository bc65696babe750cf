// In the syntax of any Node, so that an old one can say what it is instead of a syntax error
/** What is wrong with the Node that runs this; an empty text where nothing is. */
export function nodeComplaint() {
  const version = process.versions.node.split(".").map(Number);
  if (version[0] > 20 || (version[0] === 20 && version[1] >= 19)) return "";
  return `Expected Node 20.19 or newer but found ${process.version}; install Node 22 or 24, for example with nvm install 22`;
}
