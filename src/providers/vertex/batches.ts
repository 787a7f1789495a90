/** Which models have a batch endpoint, as configured, and what each is made of. */
import type { Clock } from '../../core/clock.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { BatchEndpoint, Provider } from '../contract.ts';
import { jobsAddress } from './address.ts';
import type { Authenticate } from './auth.ts';
import { createBatch } from './batch.ts';
import { createBigQueryPlace } from './batch-bigquery.ts';
import { createGcsPlace } from './batch-gcs.ts';
import { createJobs } from './batch-jobs.ts';
import type { BatchPlace } from './batch-place.ts';
import { isClaude, readClaudeError, wireModel } from './claude.ts';
import { readGeminiFailure } from './gemini.ts';
import { claudeBatchLimits, geminiBatchLimits } from './limits.ts';
import type { Settings } from './settings.ts';

/** `undefined` where the account, as configured, can make no jobs. */
export function createBatches(
  configured: Settings,
  project: string | undefined,
  authenticate: Authenticate,
  clock: Clock,
): Provider['batch'] {
  const address = jobsAddress(configured, project);
  const place = project === undefined ? undefined : createPlace(configured, project, authenticate, clock);
  if (address === undefined || place === undefined) return undefined;
  const jobs = createJobs({ ...address, authenticate });
  const now = (): number => clock.now();

  function claude(model: ModelInfo, from: BatchPlace): BatchEndpoint | undefined {
    // Its jobs read no Cloud Storage there (docs.cloud.google.com, Claude batch predictions, November 2026).
    if (configured.location === 'global' && configured.batch?.gcs !== undefined) return undefined;
    return createBatch({
      publisher: 'anthropic',
      model: wireModel(model),
      limits: claudeBatchLimits,
      jobs,
      place: from,
      readError: readClaudeError(now),
    });
  }

  function gemini(model: ModelInfo, from: BatchPlace): BatchEndpoint {
    return createBatch({
      publisher: 'google',
      model: model.id,
      limits: geminiBatchLimits,
      jobs,
      place: from,
      readError: readGeminiFailure(now),
    });
  }

  return (model, operation) => {
    // Lines of embeddings have another form, which differs by model.
    if (operation !== 'chat') return undefined;
    return isClaude(model) ? claude(model, place) : gemini(model, place);
  };
}

function createPlace(
  { batch, base_url }: Settings,
  project: string,
  authenticate: Authenticate,
  clock: Clock,
): BatchPlace | undefined {
  if (batch === undefined) return undefined;
  // A stand-in at an http address stands in for all of Google.
  const endpoint = batch.base_url ?? (base_url?.startsWith('http:') === true ? base_url : undefined);
  const options = { endpoint: endpoint?.replace(/\/+$/, ''), authenticate, clock };
  if (batch.gcs !== undefined) return createGcsPlace({ ...options, uri: batch.gcs });
  if (batch.bigquery !== undefined) return createBigQueryPlace({ ...options, uri: batch.bigquery, project });
  return undefined;
}
