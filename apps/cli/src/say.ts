/** Tells people something beside a command's result. */
export const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
