/** The frame, and its map over it. */

export function setup(studio) {
}
