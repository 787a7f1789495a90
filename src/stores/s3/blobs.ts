/**
 * Blobs in an S3 bucket: `s3://bucket/prefix?region=eu-west-1&endpoint=http://…&path_style=true`. Keys come from AWS's default chain, never
 * from the address, so that the address may be logged.
 *
 * A process that is killed in the middle of a large write leaves parts that nobody sees and the account pays for: a
 * lifecycle rule on the bucket (AbortIncompleteMultipartUpload) removes them.
 */
import { readAwsFailure } from '../../wire/aws/failure.ts';
import { readS3Address } from '../../wire/aws/s3-address.ts';
import { type AwsKeys, openBucket } from '../../wire/aws/s3-bucket.ts';
import { watchSource } from '../../wire/aws/source.ts';
import { checkBlobKey } from '../blob-key.ts';
import type { Blobs } from '../contract.ts';
import { StoreError } from '../store-error.ts';

/** `keys` over AWS's default chain. */
export function openS3Blobs(url: string, keys?: () => Promise<AwsKeys>): Blobs {
  const { bucket: name, prefix, region, endpoint, pathStyle } = readAddress(url);
  const bucket = openBucket({
    bucket: name,
    pathStyle,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === undefined ? {} : { keys }),
  });
  const shown = `s3://${name}/${prefix}`.replace(/\/$/, '');
  return {
    shown,
    async write(key, parts) {
      checkBlobKey(key);
      const source = watchSource(parts);
      try {
        return await bucket.put(prefix + key, source.items);
      } catch (thrown) {
        throw source.broke() ? thrown : failed(`The blob ${key} cannot be written in ${shown}`, thrown);
      }
    },
    async *read(key, start = 0, end) {
      checkBlobKey(key);
      try {
        // Parts as the connection hands them out: 64 kB at most, well below what the contract allows.
        yield* bucket.get(prefix + key, start, end);
      } catch (thrown) {
        if (/^(?:NoSuchKey|NotFound)$/.test(readAwsFailure(thrown).name))
          throw new StoreError(`There is no blob ${key} in ${shown}.`, thrown);
        throw failed(`The blob ${key} cannot be read in ${shown}`, thrown);
      }
    },
    async remove(key) {
      checkBlobKey(key);
      try {
        await bucket.remove([prefix + key]);
      } catch (thrown) {
        throw failed(`The blob ${key} cannot be removed from ${shown}`, thrown);
      }
    },
  };
}

interface BlobAddress {
  readonly bucket: string;
  readonly prefix: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean;
}

const form = 's3://bucket/prefix?region=eu-west-1&endpoint=https://s3.example.com&path_style=true';

function readAddress(url: string): BlobAddress {
  const [place = '', query = ''] = url.split('?', 2);
  const address = readS3Address(place);
  if (address === undefined)
    // Who wrote keys into it must not read them in a log.
    throw new StoreError(
      `"${place.replace(/\/\/.*@/, '//…@')}" is no address of a bucket; write ${form}, without keys in it.`,
    );
  const settings = new Map(new URLSearchParams(query));
  for (const setting of settings.keys())
    if (!['region', 'endpoint', 'path_style'].includes(setting))
      throw new StoreError(`An address of a bucket has no "${setting}"; write ${form}.`);
  const endpoint = settings.get('endpoint');
  if (endpoint !== undefined && !/^https?:\/\/[^/@\s]+(?:\/[^@\s]*)?$/.test(endpoint))
    throw new StoreError(
      `The endpoint of ${place} must be an http or https URL without a user; write ${form}.`,
    );
  const pathStyle = settings.get('path_style') ?? 'false';
  if (pathStyle !== 'true' && pathStyle !== 'false')
    throw new StoreError(`path_style of ${place} is "${pathStyle}"; it must be true or false.`);
  const region = settings.get('region');
  return { ...address, region, endpoint, pathStyle: pathStyle === 'true' };
}

function failed(what: string, thrown: unknown): StoreError {
  return new StoreError(`${what}: ${reason(thrown)}`, thrown);
}

function reason(thrown: unknown): string {
  const { name, message, status } = readAwsFailure(thrown);
  if (name === 'NoSuchBucket') return 'the bucket does not exist.';
  if (name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed')
    return 'the bucket lies in another region; name it as ?region=….';
  if (name === 'CredentialsProviderError')
    return 'no AWS credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.';
  if (/^Region is missing/.test(message))
    return 'no region is known; set AWS_REGION or name it as ?region=….';
  if (status === 401 || status === 403) return `S3 refuses our credentials (${name}).`;
  if (status !== undefined) return `S3 answered ${status} (${name}).`;
  return `S3 could not be reached (${name === 'Error' ? message : name}).`;
}
