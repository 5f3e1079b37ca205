/** What the device gives at this moment, next to what was promised: measured share, data of the day, power. */
import { capLastsMs } from '../data-cap.ts';
import { bytesText, clockText, shareText } from '../format.ts';
import type { Limits } from '../limits.ts';
import { nextMidnightMs } from '../schedule.ts';
import { strings } from '../strings/index.ts';
import type { Load } from '../worker-protocol.ts';

const text = strings.load;

export function LoadNow({ load, limits }: { readonly load: Load; readonly limits: Limits }) {
  const { verdict, measuredShare, use, bytesPerHour } = load;
  const promised = verdict.kind === 'train' ? verdict.share : limits.share;
  const usedBytes = use.sentBytes + use.receivedBytes;
  const capBytes = limits.dataPerDayBytes;
  const nowMs = Date.now();
  const lastsMs = bytesPerHour === null ? null : capLastsMs(usedBytes, capBytes, bytesPerHour);
  return (
    <section class="card load" aria-labelledby="load-heading">
      <h2 id="load-heading">{text.heading}</h2>
      <div class="meters">
        <div>
          <label for="load-share">{text.gpu}</label>
          <strong>{measuredShare === null ? text.measuring : text.measured(shareText(measuredShare))}</strong>
          <div class="track">
            <progress id="load-share" max={1} value={measuredShare ?? 0} />
            <span class="aim" style={{ insetInlineStart: `${promised * 100}%` }} />
          </div>
          <p class="note">
            {text.promised(shareText(promised))}
            {verdict.kind === 'train' && verdict.isGentleForYou && <>. {text.gentleForYou}</>}
          </p>
          <p class="note">{text.overHalfMinute}</p>
        </div>
        <div>
          <label for="load-data">{text.data}</label>
          <strong>
            {capBytes === null
              ? text.dataNoCap(bytesText(usedBytes))
              : text.dataOf(bytesText(usedBytes), bytesText(capBytes))}
          </strong>
          <div class="track">
            <progress
              id="load-data"
              max={capBytes ?? Math.max(1, usedBytes)}
              value={Math.min(usedBytes, capBytes ?? usedBytes)}
            />
          </div>
          <p class="note">{text.upDown(bytesText(use.sentBytes), bytesText(use.receivedBytes))}</p>
          {lastsMs !== null && verdict.kind === 'train' && (
            <p class="note">
              {nowMs + lastsMs < nextMidnightMs(nowMs)
                ? text.capAt(clockText(nowMs + lastsMs, strings.locale))
                : text.capNotToday}
            </p>
          )}
        </div>
      </div>
    </section>
  );
}
