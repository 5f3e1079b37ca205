/** Facts for a bug report, shown before they are copied: nobody should copy what they cannot read. */
import { useState } from 'preact/hooks';
import type { GpuCheck } from '../worker-protocol.ts';
import { strings } from '../strings/index.ts';

interface DiagnosticsProps {
  readonly check: GpuCheck | null;
  /** Why it ended; left out: it has not. */
  readonly end?: string;
}

export const Diagnostics = ({ check, end }: DiagnosticsProps) => (
  <CopyableReport
    note={strings.gpu.diagnosticsNote}
    lines={[...reportOf(check), ...(end === undefined ? [] : [`ended: ${end}`])]}
  />
);

interface ReportProps {
  readonly note: string;
  /** One fact a line. The browser and the page's address come before them. */
  readonly lines: readonly string[];
}

export function CopyableReport({ note, lines }: ReportProps) {
  const [outcome, setOutcome] = useState<'idle' | 'copied' | 'refused'>('idle');
  const report = [
    `address: ${location.origin}`,
    `secure context: ${window.isSecureContext}`,
    `browser: ${navigator.userAgent}`,
    ...lines,
  ].join('\n');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(report);
      setOutcome('copied');
    } catch {
      setOutcome('refused');
    }
  };
  return (
    <details class="diagnostics">
      <summary>{strings.gpu.diagnosticsHeading}</summary>
      <p class="note">{note}</p>
      <pre tabIndex={0} aria-label={strings.gpu.diagnosticsHeading}>
        {report}
      </pre>
      <button type="button" class="outline secondary" onClick={copy}>
        {outcome === 'copied' ? strings.actions.copied : strings.actions.copy}
      </button>
      {outcome === 'refused' && <p class="note">{strings.actions.copyFailed}</p>}
    </details>
  );
}

function reportOf(check: GpuCheck | null): string[] {
  const adapter =
    check !== null && 'adapter' in check.verdict
      ? Object.entries(check.verdict.adapter).map(([name, value]) => `adapter.${name}: ${value}`)
      : [];
  return [
    `outcome: ${check?.verdict.outcome ?? 'not checked'}`,
    `navigator.gpu: ${'gpu' in navigator}`,
    ...adapter,
    ...(check?.diagnostics ?? []),
  ];
}
