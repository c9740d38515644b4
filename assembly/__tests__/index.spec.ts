import { abiVersion, blockRows, heapBase } from "../index";

describe("the ABI", () => {
  it("has the version and block size that src/kernel/ops.ts names", () => {
    expect(abiVersion()).toBe(8);
    expect(blockRows()).toBe(96);
  });
  it("says where static data end", () => {
    expect(heapBase()).toBe(__heap_base);
  });
});
