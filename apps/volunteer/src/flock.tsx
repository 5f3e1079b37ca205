/**
 * The flock over the horizon: a few hundred strokes whose place is a pure function of bird and time, an ellipsoid that
 * turns, folds and lets a wave of density run through it. No physics, no chance: the same moment looks the same.
 *
 * On arrival it flies for a few seconds and comes to rest: motion that lasts needs a switch (WCAG 2.2.2), and would take
 * time from whoever trains in another tab. While the person contributes it stands, and steps once a round. With reduced
 * motion it stands still always. Drawing stops by itself in a hidden tab, because it asks for animation frames.
 */
import { useEffect, useRef } from 'preact/hooks';

const BIRD_COUNT = 640;
const FRAME_MS = 33;
/** From full speed to rest. WCAG 2.2.2 asks for a switch from 5 s on. */
const FLIGHT_MS = 4_900;
const FIRST_SECONDS = 24;
/** One round moves a resting flock by this much of its own time. */
const SECONDS_PER_ROUND = 0.7;

interface Bird {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly beat: number;
}

/** Low-discrepancy points (R3 sequence, M. Roberts 2018) bent into a soft ball: even, but not a grid. */
const BIRDS: readonly Bird[] = Array.from({ length: BIRD_COUNT }, (_, index) => {
  const part = (step: number) => (0.5 + step * (index + 1)) % 1;
  const radius = Math.pow(part(0.8191725134), 0.7);
  const turn = part(0.6710436067) * Math.PI * 2;
  const height = part(0.5497004779) * 2 - 1;
  const flat = Math.sqrt(1 - height * height);
  return {
    x: radius * flat * Math.cos(turn),
    y: radius * height,
    z: radius * flat * Math.sin(turn),
    beat: part(0.37),
  };
});

interface Place {
  readonly x: number;
  readonly y: number;
  /** 0 far .. 1 near */
  readonly near: number;
}

/** Where a bird is after `seconds`, in units of the flock's half width. */
function placeOf(bird: Bird, seconds: number): Place {
  const turn = seconds * 0.11;
  const x0 = bird.x * Math.cos(turn) - bird.z * Math.sin(turn);
  const z = bird.x * Math.sin(turn) + bird.z * Math.cos(turn);
  const wave = 0.16 * Math.sin(3.1 * x0 - seconds * 0.9 + bird.y * 1.4);
  const x = x0 * (1.15 + 0.2 * Math.sin(seconds * 0.17)) + wave;
  const fold = 0.34 * Math.sin(1.9 * x + seconds * 0.31) + 0.16 * Math.sin(4.3 * x - seconds * 0.43);
  const thin = 0.34 + 0.26 * Math.cos(1.3 * x + seconds * 0.23);
  return { x, y: bird.y * thin + fold + 0.12 * z, near: (z + 1) / 2 };
}

function draw(canvas: HTMLCanvasElement, seconds: number): void {
  const ratio = Math.min(2, window.devicePixelRatio);
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const brush = canvas.getContext('2d');
  if (brush === null || width === 0) return;
  const style = getComputedStyle(canvas);
  brush.clearRect(0, 0, width, height);
  brush.lineCap = 'round';
  brush.lineJoin = 'round';
  // On a phone the words stand above the flock, elsewhere beside it.
  const isUpright = height > width;
  const isBand = height < 200 * ratio;
  const scale = isUpright ? width * 0.3 : Math.min(width * 0.26, height * (isBand ? 0.6 : 0.8));
  const centreX = width * (isUpright ? 0.52 : 0.68);
  const centreY = height * (isUpright ? 0.68 : isBand ? 0.45 : 0.48);
  const ink = style.color;
  const own = style.getPropertyValue('--own-bird') || ink;
  for (const [index, bird] of BIRDS.entries()) {
    const here = placeOf(bird, seconds);
    const next = placeOf(bird, seconds + 0.05);
    const heading = Math.atan2(next.y - here.y, next.x - here.x);
    const isOwn = index === 6;
    const span = ratio * (1.1 + 2.6 * here.near * here.near) * (isOwn ? 1.9 : 1);
    const lift = span * (0.35 + 0.4 * Math.sin((seconds * 1.3 + bird.beat) * Math.PI * 2));
    brush.save();
    brush.translate(centreX + here.x * scale, centreY + here.y * scale * 0.8);
    brush.rotate(
      Math.max(
        -0.6,
        Math.min(0.6, Math.abs(heading) > Math.PI / 2 ? heading - Math.PI * Math.sign(heading) : heading),
      ),
    );
    brush.globalAlpha = isOwn ? 1 : 0.28 + 0.62 * here.near;
    brush.strokeStyle = isOwn ? own : ink;
    brush.lineWidth = ratio * (isOwn ? 1.7 : 0.65 + 0.6 * here.near);
    brush.beginPath();
    brush.moveTo(-span, -lift);
    brush.lineTo(0, 0);
    brush.lineTo(span, -lift);
    brush.stroke();
    brush.restore();
  }
}

/** `round` null: the flock arrives and comes to rest. A number: it stands, at the place that this round has. */
export function Flock({ round }: { readonly round: number | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const surface = canvas.current;
    if (surface === null) return;
    const still = matchMedia('(prefers-reduced-motion: reduce)');
    const theme = matchMedia('(prefers-color-scheme: dark)');
    let seconds = FIRST_SECONDS + (round ?? 0) * SECONDS_PER_ROUND;
    let flownMs = round === null ? 0 : FLIGHT_MS;
    let frame = 0;
    let lastMs = 0;
    const step = (nowMs: number) => {
      if (still.matches || flownMs >= FLIGHT_MS) return;
      frame = requestAnimationFrame(step);
      const passedMs = Math.min(100, nowMs - lastMs);
      if (passedMs < FRAME_MS) return;
      lastMs = nowMs;
      flownMs += passedMs;
      seconds += (passedMs / 1000) * Math.max(0, 1 - (flownMs / FLIGHT_MS) ** 2);
      draw(surface, seconds);
    };
    const redraw = () => draw(surface, seconds);
    const size = new ResizeObserver(redraw);
    size.observe(surface);
    theme.addEventListener('change', redraw);
    frame = requestAnimationFrame(step);
    return () => {
      cancelAnimationFrame(frame);
      size.disconnect();
      theme.removeEventListener('change', redraw);
    };
  }, [round]);
  return <canvas class="flock" ref={canvas} aria-hidden="true" />;
}
