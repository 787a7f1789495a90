/** Bedrock's control plane and the bucket of its jobs, by AWS's own clients, with the credentials that single calls have. */
import {
  BedrockClient,
  CreateModelInvocationJobCommand,
  type CreateModelInvocationJobCommandInput,
  GetModelInvocationJobCommand,
  ListModelInvocationJobsCommand,
  StopModelInvocationJobCommand,
} from '@aws-sdk/client-bedrock';
import { boundedHttp } from '../../wire/aws/http.ts';
import { type Bucket, openBucket } from '../../wire/aws/s3-bucket.ts';
import { awsAddress } from './address.ts';
import { findToken } from './auth.ts';
import { type AuthWorld, createKeySource } from './credentials.ts';
import type { SeenJob } from './job-status.ts';
import { type BatchSettings, placeOf, type Settings } from './settings.ts';

export type NewJob = CreateModelInvocationJobCommandInput;

/** Each call is one request, never repeated. Throws what AWS's clients throw. */
export interface JobClient {
  readonly bucket: Bucket;
  /** The new job's ARN; `undefined` from an answer that names none. */
  create(job: NewJob): Promise<string | undefined>;
  get(handle: string): Promise<SeenJob>;
  stop(handle: string): Promise<void>;
  /** ARNs of the jobs of exactly this name, newest first. */
  named(name: string): Promise<readonly string[]>;
}

/** A job is created, asked for or stopped in well under a second; half a minute is a fault. */
const times = { connectMs: 5_000, silenceMs: 30_000, answerMs: 30_000 };
/** Names that only contain ours are none at all as a rule. */
const mostPages = 10;

export function openJobClient(
  configured: Settings,
  batch: BatchSettings,
  region: string,
  world: AuthWorld,
): JobClient {
  const client = openControl(configured, batch, region, world);
  const storageEndpoint = batch.s3_endpoint ?? world.env['AWS_ENDPOINT_URL_S3'];
  return {
    bucket: openBucket({
      bucket: placeOf(batch).bucket,
      region,
      keys: createKeySource(configured, region, world),
      pathStyle: batch.path_style,
      ...(storageEndpoint === undefined ? {} : { endpoint: storageEndpoint }),
      ...(batch.encryption_key === undefined ? {} : { encryptionKey: batch.encryption_key }),
    }),
    create: async (job) => (await client.send(new CreateModelInvocationJobCommand(job))).jobArn,
    get: (jobIdentifier) => client.send(new GetModelInvocationJobCommand({ jobIdentifier })),
    async stop(jobIdentifier) {
      await client.send(new StopModelInvocationJobCommand({ jobIdentifier }));
    },
    async named(name) {
      const found: string[] = [];
      let nextToken: string | undefined;
      for (let page = 0; page < mostPages; page++) {
        const listed = await client.send(
          new ListModelInvocationJobsCommand({
            nameContains: name,
            sortBy: 'CreationTime',
            sortOrder: 'Descending',
            nextToken,
          }),
        );
        for (const { jobArn, jobName } of listed.invocationJobSummaries ?? [])
          if (jobArn !== undefined && jobName === name) found.push(jobArn);
        nextToken = listed.nextToken;
        if (nextToken === undefined || found.length > 0) break;
      }
      return found;
    },
  };
}

function openControl(
  configured: Settings,
  batch: BatchSettings,
  region: string,
  world: AuthWorld,
): BedrockClient {
  const { env } = world;
  const keys = createKeySource(configured, region, world);
  const token = findToken(configured, env);
  return new BedrockClient({
    region,
    endpoint: batch.endpoint ?? env['AWS_ENDPOINT_URL_BEDROCK'] ?? awsAddress('bedrock', region),
    // Whether a job that was sent may be sent again is for others to say.
    maxAttempts: 1,
    requestHandler: boundedHttp(times),
    // Said, since the client would take a key of the environment before the keys that are configured.
    ...(token === undefined
      ? {
          authSchemePreference: ['sigv4'],
          // The client keeps keys that name no end for ever; ours are renewed by who gives them.
          credentials: async () => ({ ...(await keys()), expiration: new Date(0) }),
        }
      : { authSchemePreference: ['httpBearerAuth'], token: { token } }),
  });
}
