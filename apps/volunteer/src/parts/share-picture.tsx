/** A picture of the person's part to share, drawn here from the same numbers that stand on the card. Nothing is sent. */
import { useState } from 'preact/hooks';
import { strings } from '../strings/index.ts';

const text = strings.ended;
/** What link previews show whole. */
const SIZE = { width: 1200, height: 630 };
const FILE_NAME = 'murmuration.png';

export function SharePicture({ lines }: { readonly lines: readonly string[] }) {
  const [isRefused, setRefused] = useState(false);
  const save = async () => {
    const blob = await drawn(lines);
    if (blob === null) return setRefused(true);
    const address = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = address;
    link.download = FILE_NAME;
    link.click();
    URL.revokeObjectURL(address);
  };
  const share = async () => {
    const blob = await drawn(lines);
    if (blob === null) return setRefused(true);
    const files = [new File([blob], FILE_NAME, { type: 'image/png' })];
    // A person who closes the system's dialogue has changed their mind; that is no error.
    await navigator.share({ files }).catch(() => {});
  };
  return (
    <>
      <button type="button" class="outline secondary" onClick={() => void save()}>
        {text.picture}
      </button>
      {canShareFiles() && (
        <button type="button" class="outline secondary" onClick={() => void share()}>
          {text.pictureShare}
        </button>
      )}
      {isRefused && <p class="note">{text.pictureFailed}</p>}
    </>
  );
}

const canShareFiles = (): boolean =>
  typeof navigator.canShare === 'function' &&
  navigator.canShare({ files: [new File([], FILE_NAME, { type: 'image/png' })] });

/** Null: this browser gives no canvas, or no picture of it. */
function drawn(lines: readonly string[]): Promise<Blob | null> {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, SIZE);
  const brush = canvas.getContext('2d');
  if (brush === null) return Promise.resolve(null);
  const { width, height } = SIZE;
  const sky = brush.createLinearGradient(0, 0, 0, height);
  for (const [at, colour] of [
    [0, '#0b1023'],
    [0.45, '#18203b'],
    [0.72, '#3a3350'],
    [1, '#6b4552'],
  ] as const)
    sky.addColorStop(at, colour);
  brush.fillStyle = sky;
  brush.fillRect(0, 0, width, height);
  drawFlock(brush);
  brush.direction = strings.direction;
  brush.textAlign = 'start';
  const x = strings.direction === 'rtl' ? width - 80 : 80;
  brush.fillStyle = '#ffb77d';
  brush.font = '500 34px Palatino, Georgia, serif';
  brush.fillText(strings.name, x, 96);
  brush.fillStyle = '#ffffff';
  brush.font = '500 76px Palatino, Georgia, serif';
  brush.fillText(text.pictureTitle, x, 216);
  brush.fillStyle = '#d9deea';
  brush.font = '36px "Segoe UI", Ubuntu, Arial, sans-serif';
  for (const [index, line] of lines.entries()) brush.fillText(line, x, 300 + 58 * index, width - 160);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/** Strokes along two waves: the page's flock, at rest. */
function drawFlock(brush: CanvasRenderingContext2D): void {
  brush.strokeStyle = '#d9deea';
  brush.lineCap = 'round';
  for (let index = 0; index < 260; index++) {
    const part = (step: number) => (0.5 + step * (index + 1)) % 1;
    const across = part(0.8191725134);
    const x = 380 + 780 * across;
    const y = 470 - 120 * Math.sin(across * 3.1) + 110 * (part(0.6710436067) - 0.5) * (0.4 + across);
    const span = 3 + 5 * part(0.5497004779);
    brush.globalAlpha = 0.15 + 0.3 * part(0.37);
    brush.lineWidth = 1.6;
    brush.beginPath();
    brush.moveTo(x - span, y - span * 0.5);
    brush.lineTo(x, y);
    brush.lineTo(x + span, y - span * 0.5);
    brush.stroke();
  }
  brush.globalAlpha = 1;
}
