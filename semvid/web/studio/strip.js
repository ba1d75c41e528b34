/** The scrubber and its filmstrip. */

export function setup(studio) {
}
