/** The folder and what is dropped: choosing a video. */

export function setup(studio) {
}
