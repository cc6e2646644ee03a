/**
 * As much of the sign-in as a daemon needs: the client credentials flow, with a secret or with a federated token.
 * Page: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow, read 2026-11.
 */
import { randomBytes } from 'node:crypto';
import type { FakeAnswer } from '../fake-server.ts';

export interface Rights {
  /** Data actions of an Azure role. */
  readonly actions: readonly string[];
  /** The secrets that the role is assigned at; undefined: the whole vault. */
  readonly secrets: readonly string[] | undefined;
}

export interface Application {
  readonly secret: string | undefined;
  readonly federatedToken: string | undefined;
  readonly rights: Rights;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const resource = 'https://vault.azure.net';

export function entra() {
  const applications = new Map<string, Application>();
  const tokens = new Map<string, Rights>();

  function issue(rights: Rights): string {
    const token = randomBytes(30).toString('base64url');
    tokens.set(token, rights);
    return token;
  }

  const refused = (code: string, status = 401): FakeAnswer => ({
    status,
    body: {
      error: code,
      error_description: `refused: ${code}`,
      error_codes: [7_000_215],
      timestamp: '',
      trace_id: '',
      correlation_id: '',
    },
  });

  return {
    applications,
    issue,
    rightsOf: (token: string) => tokens.get(token),
    /** Tokens that were issued are good no more, as after a sign-in was revoked. */
    revokeAll: () => tokens.clear(),

    token(body: unknown): FakeAnswer {
      const form = new Map(Object.entries(Object(body)).map(([name, value]) => [name, String(value)]));
      if (form.get('grant_type') !== 'client_credentials') return refused('unsupported_grant_type', 400);
      if (!(form.get('scope') ?? '').split(' ').includes(`${resource}/.default`)) return refused('invalid_scope', 400);
      const application = applications.get(form.get('client_id') ?? '');
      if (!application) return refused('unauthorized_client', 400);
      const bySecret = application.secret !== undefined && form.get('client_secret') === application.secret;
      const byToken =
        application.federatedToken !== undefined &&
        form.get('client_assertion_type') === assertionType &&
        form.get('client_assertion') === application.federatedToken;
      if (!bySecret && !byToken) return refused('invalid_client');
      const access_token = issue(application.rights);
      return { status: 200, body: { token_type: 'Bearer', expires_in: 3_599, ext_expires_in: 3_599, access_token } };
    },
  };
}
