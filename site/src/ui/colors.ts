/** Colors of curves, told apart by people with any kind of color vision and on both papers; dashes tell them apart again. */
export const COLORS = ["#2a7de1", "#d1600a", "#1a9367", "#b65fd0", "#9a7d0a", "#d9486e"] as const;
export const DASHES = [undefined, "7 4", "2 3", "10 3 2 3", "4 2", "1 2"] as const;

export const colorOf = (k: number): string => COLORS[k % COLORS.length];
export const dashOf = (k: number): string | undefined => DASHES[k % DASHES.length];
