/** Which device trains, plainly when it is only software and what to do then, and facts to copy. */
import type { Adapter } from '@murmuration/protocol';
import type { GpuCheck } from '../worker-protocol.ts';
import { Diagnostics } from './diagnostics.tsx';
import { strings } from '../strings/index.ts';

export function DeviceNote({ check }: { readonly check: GpuCheck | null }) {
  const verdict = check?.verdict;
  if (verdict?.outcome !== 'ready' && verdict?.outcome !== 'software') return null;
  return (
    <>
      <p class={verdict.outcome === 'software' ? 'note trouble' : 'note'}>
        {strings.device.adapter(nameOf(verdict.adapter))}
        {verdict.outcome === 'software' && <> · {strings.device.software}</>}
      </p>
      <Diagnostics check={check} />
    </>
  );
}

const nameOf = (adapter: Adapter): string =>
  adapter.description ||
  [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') ||
  strings.device.unnamed;
