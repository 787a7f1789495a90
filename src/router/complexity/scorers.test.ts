import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '../../../test/support/clock.ts';
import type { Note, NoteStore } from '../../stores/routing/contract.ts';
import type { Route } from '../contract.ts';
import { featuresOf } from './features.ts';
import { Scan } from './scan.ts';
import { Scorers } from './scorers.ts';
import { writeScorer } from './stored.ts';
import { train } from './train.ts';

