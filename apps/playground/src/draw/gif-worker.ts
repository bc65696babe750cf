// Makes animated GIFs away from the page's own thread
import { encode } from "modern-gif";
import { enlarged, enlargement, gridOf } from "../picture.ts";
import type { GifAnswer, GifOrder } from "./gif.ts";

/** Milliseconds that a frame stays; the last one is what one wants to see. */
const [brief, long] = [80, 2000];

self.onmessage = ({ data }: MessageEvent<GifOrder>): void => {
  animation(data)
    .catch(({ message }: Error) => ({ message }))
    .then((answer: GifAnswer) => self.postMessage(answer));
};

function animation({ shape, columns, frames }: GifOrder): Promise<Blob> {
  const pictures = frames.map((bytes) => {
    const picture = gridOf(shape, bytes, { gap: "white", columns });
    return enlarged(picture, enlargement(picture.width));
  });
  const { width, height } = pictures[0]!;
  const timed = pictures.map(({ data }, i) => ({ data, delay: i === pictures.length - 1 ? long : brief }));
  return encode({ width, height, frames: timed, looped: true, loopCount: 0, format: "blob" });
}
