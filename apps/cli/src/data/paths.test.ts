import assert from "node:assert/strict";
import { test } from "node:test";
import { classesOf, filesFor, foldersFor, isImage } from "./paths.ts";

test("isImage() goes by the name and passes over hidden files", () => {
  const paths = ["./a.png", "b/c.JPEG", "d.webp", "e.txt", ".f/g.png", "__MACOSX/h.png", "i/._j.png", "png"];
  assert.deepEqual(paths.filter(isImage), ["./a.png", "b/c.JPEG", "d.webp"]);
});

test("filesFor() takes train over test where there are both, in one order, and counts the others", () => {
  assert.deepEqual(filesFor("training", ["data/validation-0.parquet", "data/train-1.parquet", "data/train-0.parquet"]), {
    paths: ["data/train-0.parquet", "data/train-1.parquet"],
    leftOut: "1 of 3 files, not for training",
  });
  assert.deepEqual(filesFor("training", ["t10k-images-idx3-ubyte", "train-images-idx3-ubyte"]).paths, ["train-images-idx3-ubyte"]);
  assert.deepEqual(filesFor("training", ["train/1.parquet", "strain/2.parquet"]), {
    paths: ["strain/2.parquet", "train/1.parquet"],
    leftOut: undefined,
  });
  assert.deepEqual(filesFor("tests", ["t10k-images-idx3-ubyte", "train-images-idx3-ubyte"]), {
    paths: ["t10k-images-idx3-ubyte"],
    leftOut: "1 of 2 files, not for tests",
  });
  assert.deepEqual(filesFor("tests", ["test-1.parquet"]), { paths: ["test-1.parquet"], leftOut: undefined });
});

test("foldersFor() takes train/ where test/ or val/ is beside it, and no class or file for it", () => {
  const both = ["pets/test/cat/1.png", "pets/train/dog/1.png", "pets/train/cat/1.png", "cover.png"];
  assert.deepEqual(foldersFor("training", both), {
    paths: ["pets/train/cat/1.png", "pets/train/dog/1.png"],
    leftOut: "2 of 4 images, not for training",
  });
  assert.deepEqual(foldersFor("tests", both).paths, ["pets/test/cat/1.png"]);
  for (const paths of [
    ["bus/test.png", "train/1.png"],
    ["a/val/1.png", "train/1.png"],
    ["training-1.png", "val-1.png"],
  ])
    for (const purpose of ["training", "tests"] as const) assert.deepEqual(foldersFor(purpose, paths), { paths, leftOut: undefined });
});

test("classesOf() takes the folders below the one that all share", () => {
  const of = (...paths: string[]) => {
    const found = classesOf(paths);
    return "classes" in found ? [found.classes.join(), paths.map((_, i) => found.label(i)).join("")] : found.unclassed;
  };
  assert.deepEqual(of("cat/1.png", "cat/x/2.png", "dog/1.png"), ["cat,dog", "001"]);
  assert.deepEqual(of("pets/train/cat/1.png", "pets/train/dog/1.png"), ["cat,dog", "01"]);
  assert.deepEqual(of("cat/1.png", "catfish/1.png"), ["cat,catfish", "01"]);
  assert.equal(of("1.png", "2.png"), undefined);
  assert.equal(of("cat/1.png", "cat/2.png"), undefined);
  assert.equal(of("1.png", "cat/1.png"), undefined);
  assert.equal(of("cat/1.png", "dog/1.png", "root.png"), "1 of 3 images (root.png) is in no sub-folder; move it and there are 2 classes");
  assert.equal(
    of("pets/a.png", "pets/b.png", "pets/cat/1.png", "pets/dog/1.png"),
    "2 of 4 images (pets/a.png, …) are in no sub-folder; move them and there are 2 classes",
  );
});
