/** A PNG or JPEG file as a sample: decoded, laid over white, brought to a size by averaging areas. Pure but for its cost. */
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';

/** 25 megapixels take 100 MB while they are decoded. */
const PIXELS_MAX = 25_000_000;
const JPEG_MEMORY_MAX_MB = 400;

export interface PictureSize {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, alpha. */
  readonly data: Uint8Array;
}

/**
 * [height, width, channels] bytes, row-major. Grey is ITU-R BT.601's luma.
 * @throws Error saying what is wrong with the file
 */
export function pictureSample(file: Uint8Array, size: PictureSize): Uint8Array {
  return resized(decoded(file), size);
}

function decoded(file: Uint8Array): Pixels {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  if (bytes.length >= 24 && bytes.readUInt32BE(0) === 0x89504e47) {
    const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
    if (width * height > PIXELS_MAX)
      throw new Error(`it has ${width} x ${height} pixels; at most ${PIXELS_MAX} are taken`);
    return PNG.sync.read(bytes);
  }
  if (bytes[0] === 0xff && bytes[1] === 0xd8)
    return jpeg.decode(bytes, {
      useTArray: true,
      tolerantDecoding: false,
      maxResolutionInMP: PIXELS_MAX / 1e6,
      maxMemoryUsageInMB: JPEG_MEMORY_MAX_MB,
    });
  const start = bytes.subarray(0, 4).toString('hex');
  throw new Error(`it begins with ${start || 'nothing'}; only PNG (89504e47) and JPEG (ffd8) are read`);
}

/** Each new pixel is the mean of the area of old ones that it covers; enlarging repeats pixels, blended at the seams. */
function resized({ width, height, data }: Pixels, size: PictureSize): Uint8Array {
  if (width < 1 || height < 1 || data.length < width * height * 4) throw new Error('it has no pixels');
  const sample = new Uint8Array(size.height * size.width * size.channels);
  for (let y = 0; y < size.height; y++) {
    const top = (y * height) / size.height;
    const bottom = ((y + 1) * height) / size.height;
    for (let x = 0; x < size.width; x++) {
      const left = (x * width) / size.width;
      const right = ((x + 1) * width) / size.width;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let sy = Math.floor(top); sy < Math.min(height, Math.ceil(bottom)); sy++) {
        const down = Math.min(bottom, sy + 1) - Math.max(top, sy);
        for (let sx = Math.floor(left); sx < Math.min(width, Math.ceil(right)); sx++) {
          const area = down * (Math.min(right, sx + 1) - Math.max(left, sx));
          const at = (sy * width + sx) * 4;
          const alpha = data[at + 3]! / 255;
          const white = 255 * (1 - alpha);
          red += area * (data[at]! * alpha + white);
          green += area * (data[at + 1]! * alpha + white);
          blue += area * (data[at + 2]! * alpha + white);
        }
      }
      const whole = (bottom - top) * (right - left);
      const to = (y * size.width + x) * size.channels;
      if (size.channels === 1) sample[to] = Math.round((0.299 * red + 0.587 * green + 0.114 * blue) / whole);
      else {
        sample[to] = Math.round(red / whole);
        sample[to + 1] = Math.round(green / whole);
        sample[to + 2] = Math.round(blue / whole);
      }
    }
  }
  return sample;
}
