/** Draws importance over pictures, as semvid overlay does. Maps are {rows, cols, grey}, grey = importance times 255. */

// Inferno: Matt Zucker's polynomials (public domain) of the colour map by N. Smith and S. van der Walt (CC0).
const TERMS = [
  [0.0002189403691192265, 0.001651004631001012, -0.01948089843709184],
  [0.1065134194856116, 0.5639564367884091, 3.932712388889277],
  [11.60249308247187, -3.972853965665698, -15.9423941062914],
  [-41.70399613139459, 17.43639888205313, 44.35414519872813],
  [77.162935699427, -33.40235894210092, -81.80730925738993],
  [-71.31942824499214, 32.62606426397723, 73.20951985803202],
  [25.13112622477341, -12.24266895238567, -23.07032500287172],
];
export const INFERNO = Array.from({ length: 256 }, (_, level) => [0, 1, 2].map((channel) => {
  const value = TERMS.reduceRight((sum, term) => sum * (level / 255) + term[channel], 0);
  return Math.round(255 * Math.min(Math.max(value, 0), 1));
}));

const IMPORTANT = 128, OPACITY = 0.55;

/** Read a PNG of a map. */
export async function readMap(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const { width: cols, height: rows } = bitmap;
  const context = new OffscreenCanvas(cols, rows).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const data = context.getImageData(0, 0, cols, rows).data, grey = new Uint8ClampedArray(cols * rows);
  for (let i = 0; i < grey.length; i += 1) grey[i] = data[4 * i];
  return { rows, cols, grey };
}

/** Stretch a map smoothly to width x height. */
export function stretched({ rows, cols, grey }, width, height) {
  const small = new OffscreenCanvas(cols, rows), large = new OffscreenCanvas(width, height);
  const pixels = new ImageData(cols, rows);
  for (let i = 0; i < grey.length; i += 1) pixels.data.set([grey[i], grey[i], grey[i], 255], 4 * i);
  small.getContext("2d").putImageData(pixels, 0, 0);
  const context = large.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "medium";
  context.drawImage(small, 0, 0, width, height);
  const data = context.getImageData(0, 0, width, height).data, found = new Uint8ClampedArray(width * height);
  for (let i = 0; i < found.length; i += 1) found[i] = data[4 * i];
  return found;
}

/** Draw a picture, and a map over it (null = none), into a canvas of any size. */
export function draw(canvas, picture, map, view) {
  const { width, height } = canvas, context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  if (!map || view === "picture") return;
  const image = context.getImageData(0, 0, width, height), grey = stretched(map, width, height);
  VIEWS[view](image.data, grey, width, height);
  context.putImageData(image, 0, 0);
}

const VIEWS = {
  heat(data, grey) {
    for (let i = 0, at = 0; i < grey.length; i += 1, at += 4) {
      const colour = INFERNO[grey[i]];
      for (let c = 0; c < 3; c += 1) data[at + c] = OPACITY * colour[c] + (1 - OPACITY) * data[at + c];
    }
  },
  outline(data, grey, width, height) {
    const thick = Math.max(1, Math.round(height / 300));
    const isIn = (x, y) => x >= 0 && y >= 0 && x < width && y < height && grey[y * width + x] > IMPORTANT;
    for (let y = 0, i = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, i += 1) {
        const inside = grey[i] > IMPORTANT;
        const isBorder = (reach) => inside !== isIn(x - reach, y) || inside !== isIn(x + reach, y) || inside !== isIn(x, y - reach) || inside !== isIn(x, y + reach);
        // Light inside, dark outside: seen on any ground.
        if (isBorder(thick)) data.set(inside ? [255, 255, 80] : [0, 0, 0], 4 * i);
      }
    }
  },
  dim(data, grey) {
    for (let i = 0, at = 0; i < grey.length; i += 1, at += 4) {
      const share = grey[i] / 255, luma = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
      for (let c = 0; c < 3; c += 1) data[at + c] = share * data[at + c] + (1 - share) * (0.22 * luma + 0.12 * data[at + c]);
    }
  },
};
