/** Opens the place where bytes are kept by its address. */
import { fileURLToPath } from 'node:url';
import type { Blobs } from './contract.ts';
import { openDiskBlobs } from './disk/blobs.ts';
import { StoreError } from './store-error.ts';

/** The path of a folder, or `file:` and one. */
export async function openBlobs(url: string): Promise<Blobs> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return openDiskBlobs(url.replace(/^file:/i, ''));
    case 'file':
      return openDiskBlobs(pathOf(url));
    default:
      // The address itself is left out: it may hold a secret.
      throw new StoreError(
        `There is no place for blobs of the kind "${scheme}://". Write the path of a folder, or file:PATH.`,
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
