import { OK, failedAt } from "../status";

describe("status", () => {
  it("tells success from a failure at index 0", () => {
    expect(OK).toBe(0);
    expect(failedAt(0)).toBe(1);
    expect(failedAt(41)).toBe(42);
  });
});
