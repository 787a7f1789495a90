/** `s3://bucket/prefix`, taken apart. */
export interface S3Address {
  readonly bucket: string;
  /** In front of every key: empty, or with a slash at its end. */
  readonly prefix: string;
}

/**
 * Names of buckets as AWS has them since 2018; older ones with capitals cannot be reached by host name. Of a prefix what Bedrock takes in a
 * location, which is what needs no escape anywhere.
 */
const address = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?((?<=\/)[\w!*'().-]+(?:\/[\w!*'().-]+)*)?\/?$/;

/** `undefined` where it is none. */
export function readS3Address(text: string): S3Address | undefined {
  const match = address.exec(text);
  const bucket = match?.[1];
  if (bucket === undefined) return undefined;
  const prefix = match?.[2];
  return { bucket, prefix: prefix === undefined ? '' : `${prefix}/` };
}
