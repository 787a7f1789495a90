/** Opens the place where bytes are kept by its address. */
import { fileURLToPath } from 'node:url';
import type { Blobs } from './contract.ts';
import { openDiskBlobs } from './disk/blobs.ts';
import { StoreError } from './store-error.ts';

/** The path of a folder, `file:` and one, or `s3://bucket/prefix?region=…`. */
export async function openBlobs(url: string): Promise<Blobs> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return openDiskBlobs(url.replace(/^file:/i, ''));
    case 'file':
      return openDiskBlobs(pathOf(url));
    case 's3':
      // AWS's client is large, and most gateways keep their blobs on disk.
      return (await import('./s3/blobs.ts')).openS3Blobs(url);
    default:
      // The address itself is left out: it may hold a secret.
      throw new StoreError(
        `There is no place for blobs of the kind "${scheme}://". Write the path of a folder, file:PATH, or s3://bucket/prefix.`,
      );
  }
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (thrown) {
    throw new StoreError(
      `${url} is not the address of a folder on this machine. Write its path, or file:PATH.`,
      thrown,
    );
  }
}
