import assert from "node:assert/strict";
import { test } from "node:test";
import { classesOf, isImage, trainingPart } from "./paths.ts";

test("isImage() goes by the name and passes over hidden files", () => {
  const paths = ["a.png", "b/c.JPEG", "d.webp", "e.txt", ".f/g.png", "__MACOSX/h.png", "i/._j.png", "png"];
  assert.deepEqual(paths.filter(isImage), ["a.png", "b/c.JPEG", "d.webp"]);
});

test("trainingPart() takes train over test where there are both, in one order", () => {
  assert.deepEqual(trainingPart(["test/b.png", "train/z.png", "train/a.png"]), ["train/a.png", "train/z.png"]);
  assert.deepEqual(trainingPart(["data/validation-0.parquet", "data/train-0.parquet"]), ["data/train-0.parquet"]);
  assert.deepEqual(trainingPart(["t10k-images-idx3-ubyte", "train-images-idx3-ubyte"]), ["train-images-idx3-ubyte"]);
  assert.deepEqual(trainingPart(["train/1.png", "boat/1.png", "strain/2.png"]), ["boat/1.png", "strain/2.png", "train/1.png"]);
});

test("classesOf() takes the folders below the one that all share", () => {
  const of = (...paths: string[]) => {
    const { classes, label } = classesOf(paths) ?? {};
    return classes && [classes.join(), paths.map((_, i) => label!(i)).join("")];
  };
  assert.deepEqual(of("cat/1.png", "cat/x/2.png", "dog/1.png"), ["cat,dog", "001"]);
  assert.deepEqual(of("pets/train/cat/1.png", "pets/train/dog/1.png"), ["cat,dog", "01"]);
  assert.deepEqual(of("cat/1.png", "catfish/1.png"), ["cat,catfish", "01"]);
  assert.equal(of("1.png", "2.png"), undefined);
  assert.equal(of("cat/1.png", "cat/2.png"), undefined);
  assert.equal(of("1.png", "cat/1.png"), undefined);
});
