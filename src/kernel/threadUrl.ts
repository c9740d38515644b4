/** Where the library's own thread file is; a module of its own, since what bundlers rewrite must not be in theirs. */
export const threadUrl = new URL("./threadEntry.js", import.meta.url);
