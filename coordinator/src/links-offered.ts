/** With whom a volunteer may link, and by which servers. Pure. */
import type { IceServer, LinkPolicy } from '@murmuration/protocol';

/**
 * What this coordinator can do for a volunteer's wish. Who hides its address is given relays and nothing that would find
 * it out; where no relay is set up, it has no way to peers.
 */
export function linksOffered(
  wished: LinkPolicy,
  iceServers: readonly IceServer[],
): { readonly links: LinkPolicy; readonly iceServers: IceServer[] } {
  if (wished === 'direct') return { links: 'direct', iceServers: [...iceServers] };
  const relays = iceServers.flatMap((server) => {
    const urls = server.urls.filter((url) => /^turns?:/.test(url));
    return urls.length === 0 ? [] : [{ ...server, urls }];
  });
  if (wished === 'no-peers' || relays.length === 0) return { links: 'no-peers', iceServers: [] };
  return { links: 'relay-only', iceServers: relays };
}
