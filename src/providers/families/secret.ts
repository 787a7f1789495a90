/** Where a provider's key comes from: the config, else the variable that the vendor's own SDKs read. */
import { GatewayError } from '../../core/errors.ts';

export interface Secret {
  /** Throws `upstream_auth` where there is none, so that the chain moves on and an alarm is raised. */
  read(): string;
  /** Why calls cannot succeed, for start-up and `check`. */
  readonly warning: string | undefined;
}

export function secretFrom(
  provider: string,
  configured: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
  setting: string,
): Secret {
  const value = configured ?? env[variable];
  const warning =
    value === undefined || value === ''
      ? `provider "${provider}" has no key: set ${variable} or ${setting}`
      : undefined;
  return {
    warning,
    read() {
      if (value === undefined || value === '')
        throw new GatewayError('upstream_auth', `Provider "${provider}" has no key here.`);
      return value;
    },
  };
}
