/** Every tab of the run as the coordinator knows it: those that are here, and the latest of those that left. */
import type { Routes, VolunteerView } from '@murmuration/protocol';
import { bytesText, countText, durationText, lossText, rateText, shortId } from '../format.ts';
import { strings } from '../strings.ts';

const text = strings.tabs;
/** Rows drawn; a run may have had thousands. */
const HERE_MAX = 200;
const GONE_MAX = 50;

interface Column {
  readonly head: string;
  readonly cell: (tab: VolunteerView) => string;
}
const { columns } = text;

const ADAPTER: Column = { head: columns.adapter, cell: adapterText };
const SENT: Column = { head: columns.sent, cell: ({ totals }) => bytesText(totals.bytesSentPeers) };
const SAMPLES: Column = { head: columns.samples, cell: (tab) => countText(tab.confirmedSamples) };
const HERE: readonly Column[] = [
  ADAPTER,
  { head: columns.state, cell: (tab) => tab.state },
  { head: columns.speed, cell: (tab) => rateText(tab.stepsPerSecond) },
  { head: columns.duty, cell: ({ duty }) => (duty === null ? '–' : `${Math.round(duty * 100)} %`) },
  { head: columns.rtt, cell: ({ rttMs }) => (rttMs === null ? '–' : text.milliseconds(countText(rttMs))) },
  { head: columns.links, cell: ({ totals }) => routesText([totals.routes]) },
  SENT,
  { head: columns.received, cell: ({ totals }) => bytesText(totals.bytesReceivedPeers) },
  {
    head: columns.stale,
    cell: ({ staleRounds }) =>
      staleRounds === null ? '–' : text.rounds(countText(staleRounds), staleRounds === 1),
  },
  { head: columns.loss, cell: (tab) => lossText(tab.loss) },
  SAMPLES,
  { head: columns.heard, cell: (tab) => text.ago(durationText(tab.heartbeatAgeMs)) },
];
const GONE: readonly Column[] = [
  ADAPTER,
  SAMPLES,
  SENT,
  { head: columns.left, cell: (tab) => (tab.leftAtMs === null ? '–' : durationText(tab.leftAtMs)) },
  { head: columns.exit, cell: (tab) => tab.exit ?? tab.state },
];

/** Of a run in tiers: nodes are numbered as their first tabs came. No column where there are none. */
function nodeColumns(tabs: readonly VolunteerView[]): readonly Column[] {
  const byArrival = [...tabs].sort((a, b) => a.joinedAtMs - b.joinedAtMs);
  const nodes = [...new Set(byArrival.flatMap(({ node }) => node ?? []))];
  if (nodes.length === 0) return [];
  const cell = ({ node }: VolunteerView) => (node === null ? '–' : countText(nodes.indexOf(node) + 1));
  return [{ head: columns.node, cell }];
}

/** Links by the way they take, those ways that there are. */
function routesText(all: readonly Routes[]): string {
  const said = (['direct', 'relayed', 'coordinator'] as const).flatMap((route) => {
    const count = all.reduce((sum, routes) => sum + routes[route].links, 0);
    return count === 0 ? [] : [text.routes[route](countText(count))];
  });
  return said.length === 0 ? text.routes.none : said.join(', ');
}

function adapterText({ adapter }: VolunteerView): string {
  const name = adapter.description || `${adapter.vendor} ${adapter.architecture}`.trim();
  if (adapter.backend !== 'webgpu') return text.kinds.cpu(name);
  return adapter.isFallbackAdapter ? text.kinds.software(name) : name;
}

export function TabsTable({ volunteers }: { readonly volunteers: readonly VolunteerView[] }) {
  const here = volunteers.filter((tab) => tab.connected);
  const gone = volunteers
    .filter((tab) => !tab.connected)
    .sort((a, b) => (b.leftAtMs ?? Infinity) - (a.leftAtMs ?? Infinity));
  const goneText = text.gone(countText(gone.length), gone.length === 1);
  return (
    <section class="card" aria-labelledby="tabs-heading">
      <h2 id="tabs-heading">{text.heading}</h2>
      {volunteers.length === 0 && <p class="note">{text.none}</p>}
      {here.some(({ totals }) => totals.peersNow > 0) && (
        <p class="note">{text.mix(routesText(here.map(({ totals }) => totals.routes)))}</p>
      )}
      {here.length > 0 && (
        <Rows tabs={here.slice(0, HERE_MAX)} columns={[...nodeColumns(here), ...HERE]} label={text.heading} />
      )}
      {gone.length > 0 && (
        <details>
          <summary>{goneText}</summary>
          {gone.length > GONE_MAX && <p class="note">{text.goneLatest(countText(GONE_MAX))}</p>}
          <Rows tabs={gone.slice(0, GONE_MAX)} columns={GONE} label={goneText} />
        </details>
      )}
    </section>
  );
}

interface RowsProps {
  readonly tabs: readonly VolunteerView[];
  readonly columns: readonly Column[];
  readonly label: string;
}

/** On a phone each row becomes a card (style/forms.css); the roles keep it a table for those who listen. */
const Rows = ({ tabs, columns: shown, label }: RowsProps) => (
  <div class="scroller" tabIndex={0} role="region" aria-label={label}>
    <table role="table" class="stacking">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">
            {columns.id}
          </th>
          {shown.map(({ head }) => (
            <th scope="col" role="columnheader" key={head}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {tabs.map((tab) => (
          <tr role="row" key={tab.id}>
            <th scope="row" role="rowheader" title={tab.id}>
              {shortId(tab.id)}
            </th>
            {shown.map(({ head, cell }) => (
              <td role="cell" key={head} data-head={head}>
                {cell(tab)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
