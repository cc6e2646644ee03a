// A real OpenID Connect provider (oidc-provider) as a process of its own. Whoever is named in `login_as` of the query of the
// authorization request is signed in without a form. Prints its address; ends with its standard input.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const people = JSON.parse(process.argv[2] ?? '{}');
const back = process.argv[3] ?? '';
const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'keybaton',
      client_secret: 'canary-of-the-client-secret',
      token_endpoint_auth_method: 'client_secret_post',
      redirect_uris: [back],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
    {
      client_id: 'keybaton-cli',
      token_endpoint_auth_method: 'none',
      redirect_uris: [],
      response_types: [],
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ['only-for-tests'] },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: {
      enabled: true,
      userCodeInputSource: (ctx, form) => {
        ctx.body = form;
      },
      userCodeConfirmSource: (ctx, form) => {
        ctx.body = form;
      },
      successSource: (ctx) => {
        ctx.body = 'signed in';
      },
    },
  },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid email groups');
    await grant.save();
    return grant;
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
});

const callback = provider.callback();
server.on('request', async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  const accountId = request.headers['x-login-as'] ?? '';
  await provider.interactionFinished(request, response, { login: { accountId } });
});

console.log(issuer);
process.stdin.on('end', () => process.exit()).resume();
