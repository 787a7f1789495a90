/**
 * Where a webhook may be sent. Its URL is a caller's word, and the gateway stands in a network that callers may not see: a URL is refused
 * by what it says, and a connection by the address that its name led to, since a name can lead elsewhere each time it is asked.
 *
 * Refused is what is not the open internet: this machine, private and link-local networks, where clouds keep the credentials of machines
 * (169.254.169.254, fd00:ec2::254, 100.100.100.200), what is reserved, and forms of IPv6 that carry an IPv4 address to such places.
 */
import { BlockList, isIP } from 'node:net';

const closed = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  closed.addSubnet(network, bits, 'ipv4');
// Azure answers machines about themselves at an address that looks like any other.
closed.addAddress('168.63.129.16', 'ipv4');

/** All of the open internet that IPv6 has; what is refused of it are Teredo, documentation and 6to4. */
const open6 = new BlockList();
open6.addSubnet('2000::', 3, 'ipv6');
const closed6 = new BlockList();
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  closed6.addSubnet(network, bits, 'ipv6');

/** Whether an IP address, as `net` writes it, is one of the open internet. */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  // A socket that serves both families writes IPv4 so.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1] ?? plain;
  switch (isIP(mapped)) {
    case 4:
      return !closed.check(mapped, 'ipv4');
    case 6:
      return open6.check(mapped, 'ipv6') && !closed6.check(mapped, 'ipv6');
    default:
      return false;
  }
}

/** Names that are never of the open internet. */
const innerName = /(?:^|\.)(?:localhost|local|internal|intranet|lan|home\.arpa|corp|private)$/;
const longestUrl = 2048;

/** Why a webhook may not have this URL, as a sentence for its caller; `undefined` if it may. */
export function webhookUrlProblem(text: string, allowPrivate: boolean): string | undefined {
  if (text.length > longestUrl) return `The webhook's URL is over ${longestUrl} letters long.`;
  if (!URL.canParse(text)) return 'The webhook is not a URL. Write https://HOST/PATH.';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'The webhook is neither https:// nor http://. Write https://HOST/PATH.';
  if (url.username !== '' || url.password !== '')
    return 'The webhook has a user or a password in its URL. Leave them out; what is sent is signed instead.';
  if (allowPrivate) return undefined;
  // Parsing has made one form of an address out of decimal, octal and hexadecimal ones.
  const host = hostOf(url);
  if (isIP(host) !== 0 ? isPublicAddress(host) : host.includes('.') && !innerName.test(host))
    return undefined;
  return 'The webhook is an address of this machine or of a private network. Name one of the open internet, or have the operator set batch.webhooks.allow_private.';
}

/** Without the brackets of IPv6 and the dot that ends a full name. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}
