/**
 * One delivery of an alert: a signed POST to an address that somebody typed in. It must not become a way into the network
 * behind the coordinator: private addresses are refused, looked at where the name is resolved and connected to, so that a name
 * which changes its answer in between gains nothing. Redirects are not followed, the answer is not read.
 */
import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

const ANSWER_MAX_MS = 10_000;

/** RFC 6890 and what cloud providers put there: nothing of it is a public web server. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

/** @param address an IP address; a mapped IPv4 address counts as what it is mapped from */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPrivateAddress(mapped);
  // Other spellings of a mapped address: BlockList knows them by their IPv4 rules.
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

class PrivateAddressError extends Error {
  constructor(address: string) {
    super(`${address} is inside a private network; the operator may allow it with --private-webhooks`);
  }
}

const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0);
    const inside = addresses.find(({ address }) => isPrivateAddress(address));
    if (inside !== undefined) return callback(new PrivateAddressError(inside.address), '', 0);
    if (options.all === true) return callback(null, addresses);
    return callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};

/** A sentence for the field `url`, or null. Names are resolved at every delivery, not here. */
export function urlFault(
  text: string,
  { arePrivateAllowed }: { readonly arePrivateAllowed: boolean },
): string | null {
  if (!URL.canParse(text)) return 'is no URL';
  const { protocol, hostname, username, password } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return 'must begin with https:// or http://';
  if (username !== '' || password !== '')
    return 'must not hold a name or password; the signature proves who sends';
  const host = hostname.replace(/^\[|\]$/g, '');
  if (arePrivateAllowed) return null;
  if (isIP(host) !== 0 && isPrivateAddress(host)) return new PrivateAddressError(host).message;
  return host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.internal')
    ? new PrivateAddressError(host).message
    : null;
}

export const signatureOf = (secret: string, seconds: number, body: string): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;

export interface Delivery {
  readonly url: string;
  readonly secret: string;
  readonly event: string;
  readonly deliveryId: string;
  readonly body: string;
  readonly nowMs: number;
  readonly arePrivateAllowed: boolean;
}

/** Never throws: what went wrong is its detail. */
export function post(
  delivery: Delivery,
): Promise<{ readonly isDelivered: boolean; readonly detail: string }> {
  const { url, secret, event, deliveryId, body, nowMs, arePrivateAllowed } = delivery;
  const failed = (detail: string) => ({ isDelivered: false, detail: detail.slice(0, 200) });
  const fault = urlFault(url, { arePrivateAllowed });
  if (fault !== null) return Promise.resolve(failed(fault));
  const bytes = Buffer.from(body);
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const sent = request(
      url,
      {
        method: 'POST',
        signal: AbortSignal.timeout(ANSWER_MAX_MS),
        ...(arePrivateAllowed ? {} : { lookup: publicLookup }),
        headers: {
          'content-type': 'application/json',
          'content-length': bytes.length,
          'user-agent': 'murmuration-webhook/1',
          'x-murmuration-event': event,
          'x-murmuration-delivery': deliveryId,
          'x-murmuration-signature': signatureOf(secret, Math.floor(nowMs / 1_000), body),
        },
      },
      (answer) => {
        const { statusCode = 0 } = answer;
        answer.destroy();
        const isDelivered = statusCode >= 200 && statusCode < 300;
        resolve(isDelivered ? { isDelivered, detail: `${statusCode}` } : failed(`answered ${statusCode}`));
      },
    );
    sent.on('error', (error) => resolve(failed(error.message)));
    sent.end(bytes);
  });
}
