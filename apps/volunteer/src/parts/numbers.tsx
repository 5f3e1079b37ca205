/** The volunteer's own numbers. Local and confirmed samples stand side by side: neither is ever hidden. */
import type { ComponentChildren } from 'preact';
import type { VolunteerSnapshot } from '@murmuration/swarm';
import { hasAnswers } from '../active-run.ts';
import { bytesText, countText, percentText, rateText } from '../format.ts';
import { strings } from '../strings/index.ts';
import { Bird } from './icons.tsx';

const text = strings.numbers;

export function Numbers({ snapshot }: { readonly snapshot: VolunteerSnapshot }) {
  const { totals, loss, peers } = snapshot;
  const isTraining = snapshot.state === 'training' || snapshot.state === 'syncing';
  const links = peers.filter((peer) => peer.open);
  const withReplica = links.filter((peer) => peer.hasReplica).length;
  const peerBytes = totals.bytesSentPeers + totals.bytesReceivedPeers;
  const coordinatorBytes = totals.bytesSentCoordinator + totals.bytesReceivedCoordinator;
  return (
    <section aria-labelledby="numbers-heading">
      <h2 id="numbers-heading">{text.heading}</h2>
      <dl class="numbers">
        <Figure name={text.samplesHere} value={countText(totals.samples)} />
        <Figure name={text.samplesConfirmed} value={countText(snapshot.confirmedSamples)} />
        <Figure name={text.stepsPerSecond} value={rateText(snapshot.stepsPerSecond)} />
        <Figure name={text.loss} value={loss === null ? '–' : loss.toFixed(3)}>
          {lossMeaning(snapshot)}
        </Figure>
        <Figure name={text.rounds} value={countText(totals.rounds)} />
        <Figure name={text.sent} value={bytesText(totals.bytesSentPeers + totals.bytesSentCoordinator)} />
        <Figure
          name={text.received}
          value={bytesText(totals.bytesReceivedPeers + totals.bytesReceivedCoordinator)}
        />
        <Figure name={text.linked} value={countText(links.length)}>
          {links.length === 0 ? (
            isTraining ? (
              text.linkedAlone
            ) : (
              text.linkedNone
            )
          ) : (
            <>
              <span class="birds" aria-hidden="true">
                {links.map((peer) => (
                  <span key={peer.id} class={peer.hasReplica ? 'flying' : 'landing'}>
                    <Bird />
                  </span>
                ))}
              </span>
              {text.linkedNote(withReplica, links.length)}
            </>
          )}
        </Figure>
      </dl>
      <p class="note">{text.samplesNote}</p>
      <p class="note">{text.trafficNote(bytesText(peerBytes), bytesText(coordinatorBytes))}</p>
    </section>
  );
}

function lossMeaning({ loss, run }: VolunteerSnapshot): string {
  if (loss === null) return text.lossUnknown;
  return run !== null && !hasAnswers(run.task)
    ? text.lossLess
    : text.lossMeaning(percentText(Math.exp(-loss)));
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly children?: ComponentChildren;
}
function Figure({ name, value, children }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {children !== undefined && <span>{children}</span>}
      </dd>
    </div>
  );
}
