/**
 * A run as lines for a terminal: one per tab, then a bar with accuracy and an ETA. Pure: the same lines are redrawn in
 * place on a terminal and printed now and then into a log.
 */
import type { CheckpointView, RunLive, RunView, VolunteerView } from '@murmuration/protocol';

const BAR_CELLS = 24;

/** `width`: columns; longer lines are cut, because a wrapped line cannot be redrawn in place. */
export function progressLines(
  { run, volunteers }: Pick<RunLive, 'run' | 'volunteers'>,
  width: number,
): string[] {
  // Those who stayed to the end keep their line when the run is over.
  const shown = volunteers
    .filter(({ connected, exit }) => connected || exit === 'run-finished')
    .toSorted((a, b) => a.joinedAtMs - b.joinedAtMs);
  const gone = volunteers.length - shown.length;
  const rows = shown.map(tabCells);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  if (gone > 0) lines.push(`${gone} ${gone === 1 ? 'tab has' : 'tabs have'} left`);
  lines.push(runLine(run));
  return lines.map((line) => line.slice(0, width));
}

function tabCells(tab: VolunteerView, index: number): string[] {
  const { adapter, totals } = tab;
  const name =
    [adapter.vendor, adapter.architecture].filter((word) => word !== '').join(' ') || adapter.backend;
  return [
    `tab ${index + 1}`,
    tab.state,
    `${name}${adapter.isFallbackAdapter ? ' (software)' : ''}`,
    `${tab.stepsPerSecond.toFixed(1)} steps/s`,
    `loss ${tab.loss === null ? '-' : tab.loss.toFixed(4)}`,
    `${totals.peersNow} ${totals.peersNow === 1 ? 'peer' : 'peers'}`,
    `up ${bytesText(totals.bytesSentPeers + totals.bytesSentCoordinator)}`,
    `down ${bytesText(totals.bytesReceivedPeers + totals.bytesReceivedCoordinator)}`,
  ];
}

function runLine(run: RunView): string {
  const filled = Math.round(run.progress * BAR_CELLS);
  return [
    `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}] ${Math.floor(run.progress * 100)} %`,
    `${run.state}${run.reason === '' ? '' : ` (${run.reason})`}`,
    `round ${run.round}`,
    qualityText(run),
    run.etaMs === null ? 'ETA unknown' : `ETA ${etaText(run.etaMs)}`,
  ].join('  ');
}

/** Of the latest checkpoint: accuracy, or the loss and its parts. */
function qualityText({ manifest, latest }: RunView): string {
  const { targetAccuracy: target, objective } = manifest.training;
  if (objective === 'autoencoding') {
    return latest?.loss == null ? 'loss not measured yet' : `validation loss ${lossInParts(latest)}`;
  }
  const accuracy = latest?.accuracy ?? null;
  return accuracy === null
    ? 'accuracy not measured yet'
    : `accuracy ${percentText(accuracy)}${target === null ? '' : ` of ${percentText(target)}`}`;
}

/** `103.2 (reconstruction 92.1, KL 11.1)`, or the loss alone where it has no parts. */
export const lossInParts = ({ loss, parts }: Pick<CheckpointView, 'loss' | 'parts'>): string =>
  `${loss?.toPrecision(4) ?? '-'}${parts === undefined ? '' : ` (reconstruction ${parts.reconstruction.toPrecision(4)}, KL ${parts.kl.toPrecision(3)})`}`;

function etaText([fromMs, toMs]: readonly [number, number]): string {
  const [from, to] = [clockText(fromMs), clockText(toMs)];
  if (from === to) return from;
  return fromMs < 500 ? `up to ${to}` : `${from} to ${to}`;
}

/** 71_000 -> `1:11`; hours appear when there are some. */
export function clockText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${h > 0 ? String(m).padStart(2, '0') : m}:${String(s).padStart(2, '0')}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

/** Floored to a tenth, so that 94.96 % never reads as the 95.0 % that it is not. */
export const percentText = (share: number): string =>
  `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)} %`;

/** Decimal units, as traffic is sold. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}
