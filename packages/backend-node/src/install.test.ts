import assert from "node:assert/strict";
import { test } from "node:test";
import { explained } from "./install.ts";

test("a full disk is told with what to do, and another error as it is", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const message = "Expected room for TensorFlow in /cache but the disk is full; free some, or set XDG_CACHE_HOME to another disk";
  assert.throws(
    () => {
      throw explained(full, "/cache");
    },
    { message, cause: full },
  );
  const other = new Error("EIO: i/o error, write");
  assert.equal(explained(other, "/cache"), other);
});
