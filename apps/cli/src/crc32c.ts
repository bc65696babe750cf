/** CRC-32C (Castagnoli) of each byte value, for the reflected polynomial 0x82f63b78. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

export const crc32c = (data: Uint8Array): number => ~data.reduce((crc, byte) => (crc >>> 8) ^ table[(crc ^ byte) & 255]!, 0xffffffff) >>> 0;
