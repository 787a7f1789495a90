/** Property tests play the same cases on every machine; `PROPERTY_SEED=7 npm test` plays others. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 20_261_121) });
