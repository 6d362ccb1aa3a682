// @ts-check
/** Measures that the script and the style sheets share, in CSS pixels. */

/** How high a row of cards is. */
export const ROW_HEIGHT = 304;

/** How wide a column of cards is at the least. */
export const COLUMN_WIDTH = 188;
