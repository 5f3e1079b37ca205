/**
 * Runs, newest first, a page at a time, as they stand now; and the examples, which are all there is on a fresh
 * coordinator. Page, filter and the runs picked for comparison stand in the address.
 */
import { useCallback } from 'preact/hooks';
import { COMPARED_RUNS_MAX, type RunListQuery, type RunPage } from '@murmuration/protocol';
import { Examples } from '../parts/examples.tsx';
import { RunTable } from '../parts/run-table.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { VolunteerLink } from '../parts/volunteer-link.tsx';
import { usePolled } from '../polled.ts';
import { addressOf, changeQuery, query } from '../route.ts';
import { api } from '../session.ts';
import { compareStrings } from '../strings-compare.ts';
import { runStates, strings } from '../strings.ts';
import { pickedOf, withPick } from '../view.ts';

const text = strings.runs;
const REFRESH_MS = 3_000;
const PAGE_RUNS = '25';

type Filter = NonNullable<RunListQuery['state']>;
const FILTERS = ['open', 'over', ...Object.keys(runStates)] as readonly Filter[];

export function RunsScreen() {
  const asked = query.value;
  const filter = FILTERS.find((each) => each === asked.get('state')) ?? null;
  const cursor = asked.get('page');
  const picked = pickedOf(asked);
  const ask = useCallback(async () => {
    const page = await api.runs({
      limit: PAGE_RUNS,
      ...(filter === null ? {} : { state: filter }),
      ...(cursor === null ? {} : { cursor }),
    });
    return { page, atMs: Date.now() };
  }, [filter, cursor]);
  const { known, trouble, refresh } = usePolled(ask, () => REFRESH_MS);
  const isFresh = known !== null && known.page.items.length === 0 && filter === null && cursor === null;

  return (
    <>
      <div class="titled">
        <h1>{text.heading}</h1>
        <VolunteerLink />
      </div>
      <Trouble text={trouble} />
      {!isFresh && <Toolbar filter={filter} picked={picked} />}
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known !== null && !isFresh && (
        <section class="card" aria-label={text.heading}>
          {known.page.items.length === 0 ? (
            <p class="note">{text.none}</p>
          ) : (
            <RunTable
              runs={known.page.items}
              atMs={known.atMs}
              picked={picked}
              onPick={(id, isPicked) => changeQuery({ runs: withPick(picked, id, isPicked) })}
              onChanged={() => void refresh()}
            />
          )}
          <Pages next={known.page.next} />
        </section>
      )}
      {isFresh && (
        <section class="empty">
          <img src="/admin/flock.svg" alt="" width="520" height="180" />
          <h2>{text.emptyHeading}</h2>
          <p>{text.emptyText}</p>
        </section>
      )}
      {known !== null && <Examples />}
    </>
  );
}

interface ToolbarProps {
  readonly filter: Filter | null;
  readonly picked: readonly string[];
}

const Toolbar = ({ filter, picked }: ToolbarProps) => (
  <div class="toolbar">
    <label for="state-filter">
      {text.stateFilter}
      <select
        id="state-filter"
        value={filter ?? ''}
        onChange={({ currentTarget: { value } }) =>
          changeQuery({ state: value === '' ? null : value, page: null })
        }
      >
        <option value="">{text.stateFilters.all}</option>
        {FILTERS.map((each) => (
          <option key={each} value={each}>
            {each === 'open' || each === 'over' ? text.stateFilters[each] : runStates[each].word}
          </option>
        ))}
      </select>
    </label>
    {picked.length > 0 && (
      <p class="picked">
        <span>{compareStrings.picked(picked.length, COMPARED_RUNS_MAX)}</span>
        <button type="button" class="plain" onClick={() => changeQuery({ runs: null })}>
          {compareStrings.clear}
        </button>
        <a role="button" href={addressOf({ screen: 'compare' }, { runs: picked.join() })}>
          {compareStrings.linkCount(picked.length)}
        </a>
      </p>
    )}
  </div>
);

function Pages({ next }: Pick<RunPage, 'next'>) {
  const words = Object.fromEntries(query.value);
  const { page, ...others } = words;
  if (next === null && page === undefined) return null;
  return (
    <nav class="pages" aria-label={text.pages}>
      {page !== undefined && <a href={addressOf({ screen: 'runs' }, others)}>← {text.newest}</a>}
      {next !== null && <a href={addressOf({ screen: 'runs' }, { ...others, page: next })}>{text.older} →</a>}
    </nav>
  );
}
