/** A reseller asks what it likes for a model of another's, so no list is its own: what it costs stands in the config's `prices`. */
import type { Provider } from '../contract.ts';

export const createPrices = (): NonNullable<Provider['price']> => () => undefined;
