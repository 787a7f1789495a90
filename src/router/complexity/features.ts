/**
 * What is kept of a prompt so that a scorer can be trained on it later: its measures, and the buckets that its words and pairs of words fall
 * into. No text is kept, and none can be read back. 4096 buckets stand for all words and all pairs: each for dozens of common words and many
 * more pairs, with neither order nor count. Numbers become a bucket for how many digits they have. Whoever already has a text can still tell
 * whether a label may be of it; labels are no place for what must not even be guessed.
 *
 * Packed: one version byte, the measures as 16-bit numbers, then the gaps between the sorted buckets, a byte each or two; all in base64url. With
 * at most `mostBuckets` buckets that is at most about 1.5 kB.
 */
import type { Prompt } from './contract.ts';
import { measureNames, measuresVersion } from './measures.ts';
import { bucketCount, mostBuckets, Scan } from './scan.ts';

export interface Features {
  readonly measures: Readonly<Float64Array>;
  readonly buckets: Readonly<Uint16Array>;
}

/** Measures are logarithms and shares; 1/512 is finer than any of them means, and 64 more than any of them is. */
const scale = 512;
const most16 = 0x7fff;
const header = 1 + 2 * measureNames.length;

/** Copies what a scan left, before the next one. */
export function featuresOf(scan: Scan): Features {
  return { measures: scan.measures.slice(), buckets: scan.buckets.slice(0, scan.bucketsUsed) };
}

export function packFeatures({ measures, buckets }: Features): string {
  const sorted = Uint16Array.from(buckets).sort();
  const bytes = Buffer.alloc(header + 2 * sorted.length);
  bytes[0] = measuresVersion;
  for (const [index, value] of measures.entries())
    bytes.writeInt16LE(Math.max(-most16, Math.min(most16, Math.round(value * scale))), 1 + 2 * index);
  let at = header;
  let last = -1;
  for (const bucket of sorted) {
    const gap = bucket - last - 1;
    last = bucket;
    if (gap < 0x80) bytes[at++] = gap;
    else {
      bytes[at++] = 0x80 | (gap >> 8);
      bytes[at++] = gap & 0xff;
    }
  }
  return bytes.toString('base64url', 0, at);
}

/** What is kept with a label of a prompt; `undefined` where it has no text. */
export function createPacker(): (prompt: Prompt | undefined) => string | undefined {
  const scan = new Scan();
  return (prompt) => {
    if (prompt === undefined || prompt.text === '') return undefined;
    scan.read(prompt);
    return packFeatures(featuresOf(scan));
  };
}

/** `undefined`: packed by another version, or not by us. */
export function unpackFeatures(packed: string): Features | undefined {
  const bytes = Buffer.from(packed, 'base64url');
  if (bytes.length < header || bytes[0] !== measuresVersion) return undefined;
  const measures = new Float64Array(measureNames.length);
  for (let index = 0; index < measures.length; index++)
    measures[index] = bytes.readInt16LE(1 + 2 * index) / scale;
  const buckets: number[] = [];
  let last = -1;
  for (let at = header; at < bytes.length; at++) {
    const first = bytes[at] ?? 0;
    let gap = first;
    if (first >= 0x80) {
      at += 1;
      const second = bytes[at];
      if (second === undefined) return undefined;
      gap = ((first & 0x7f) << 8) | second;
    }
    last += gap + 1;
    if (last >= bucketCount || buckets.length >= mostBuckets) return undefined;
    buckets.push(last);
  }
  return { measures, buckets: Uint16Array.from(buckets) };
}
