/** One picture of bytes. */
import { useEffect, useRef } from 'preact/hooks';

interface Props {
  /** Base64 of unsigned bytes, row-major, channels last. */
  readonly bytes: string;
  readonly width: number;
  readonly height: number;
  /** 3: red, green, blue. Of any other count the first is drawn as ink on paper. */
  readonly channels: number;
}

export function Picture({ bytes, width, height, channels }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const brush = canvas.current?.getContext('2d');
    if (!brush) return;
    const values = Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));
    const image = brush.createImageData(width, height);
    for (let i = 0; i < width * height; i++)
      if (channels === 3) {
        for (let c = 0; c < 3; c++) image.data[i * 4 + c] = values[i * 3 + c] ?? 0;
        image.data[i * 4 + 3] = 255;
      }
      // Ink as transparency over paper; the dark theme inverts it (style/launch.css).
      else image.data[i * 4 + 3] = values[i * channels] ?? 0;
    brush.putImageData(image, 0, 0);
  }, [bytes, width, height, channels]);
  return (
    <canvas
      ref={canvas}
      class={channels === 3 ? 'colour' : 'ink'}
      width={width}
      height={height}
      aria-hidden="true"
    />
  );
}
