/**
 * "What this page can do": what can be checked about it, said where it can be checked. The hosts come from the
 * browser's own list of requests, the hashes from the very bytes that were loaded.
 */
import { useState } from 'preact/hooks';
import { build } from '../build.ts';
import type { Contributor } from '../contributor.ts';
import { countText } from '../format.ts';
import { forgetAll } from '../remembered.ts';
import { forgetLanguage, strings } from '../strings/index.ts';

const text = strings.trust;

export function Trust({ contribution }: { readonly contribution: Contributor }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="trust" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{text.heading}</summary>
      {isOpen && <Facts contribution={contribution} />}
    </details>
  );
}

function Facts({ contribution }: { readonly contribution: Contributor }) {
  const screen = contribution.screen.value;
  const peerCount = screen.at === 'contributing' ? screen.snapshot.peers.length : 0;
  const hosts = [...new Set([...hostsHere(), ...contribution.iceHosts.value])];
  return (
    <dl class="facts-list">
      <div>
        <dt>{text.hosts}</dt>
        <dd>
          {hosts.join(', ')}
          {peerCount > 0 && <> {text.hostsPeers(countText(peerCount))}</>}
          <small>{text.hostsNote}</small>
        </dd>
      </div>
      <div>
        <dt>{text.build}</dt>
        <dd>
          <code>{build.commit}</code>
          <Hashes />
          <small>{text.buildNote}</small>
        </dd>
      </div>
      <div>
        <dt>{text.source}</dt>
        <dd>
          {build.sourceUrl === '' ? (
            text.sourceUnknown(location.host)
          ) : (
            <a href={build.sourceUrl} rel="noreferrer" target="_blank">
              {build.sourceUrl}
            </a>
          )}
        </dd>
      </div>
      <div>
        <dt>{text.licences}</dt>
        <dd>
          <a href="/licences.txt" target="_blank">
            licences.txt
          </a>
        </dd>
      </div>
      <div>
        <dt>{text.sandbox}</dt>
        <dd>{text.sandboxText}</dd>
      </div>
      <div>
        <dt>{text.stored}</dt>
        <dd>
          {text.storedText} <Forget />
        </dd>
      </div>
    </dl>
  );
}

/** Every host that this page asked for anything, itself included. */
const hostsHere = (): string[] => [
  location.host,
  ...performance
    .getEntriesByType('resource')
    .map(({ name }) => new URL(name, location.href))
    .filter(({ protocol }) => /^(http|ws)s?:$/.test(protocol))
    .map(({ host }) => host),
];

interface Hash {
  readonly path: string;
  readonly sha256: string | null;
}

function Hashes() {
  const [hashes, setHashes] = useState<readonly Hash[] | null>(null);
  if (hashes === null)
    return (
      <button
        type="button"
        class="outline secondary small"
        onClick={() => void hashesOfScripts().then(setHashes)}
      >
        {text.hashes}
      </button>
    );
  return (
    <ul class="hashes">
      {hashes.map(({ path, sha256 }) => (
        <li key={path}>
          {path} <code>{sha256 ?? text.hashFailed}</code>
        </li>
      ))}
    </ul>
  );
}

/** The bytes are the browser's own copies: scripts here never change under their name. */
async function hashesOfScripts(): Promise<Hash[]> {
  const paths = performance
    .getEntriesByType('resource')
    .map(({ name }) => new URL(name, location.href))
    .filter(({ origin, pathname }) => origin === location.origin && /\.(js|css)$/.test(pathname))
    .map(({ pathname }) => pathname);
  return Promise.all(
    [...new Set(paths)]
      .sort()
      .map(async (path) => ({ path, sha256: await sha256Of(path).catch(() => null) })),
  );
}

async function sha256Of(path: string): Promise<string> {
  const answer = await fetch(path, { cache: 'force-cache' });
  const digest = await crypto.subtle.digest('SHA-256', await answer.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function Forget() {
  const [isDone, setDone] = useState(false);
  if (isDone) return <>{text.forgotten}</>;
  const forget = () => {
    forgetAll();
    forgetLanguage();
    setDone(true);
  };
  return (
    <button type="button" class="outline secondary small" onClick={forget}>
      {text.forget}
    </button>
  );
}
