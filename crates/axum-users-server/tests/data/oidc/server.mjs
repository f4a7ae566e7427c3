// A certified OpenID Provider on 127.0.0.1, for the tests of OAuth.
//
//   node server.mjs --modules FOLDER --redirect-uri URI [--redirect-uri URI …] [--port N] [--access-ttl SECONDS]
//
// FOLDER has the packages of package.json in `node_modules`; `cargo xtask tools` installs them into
// target/tools/oidc. Once it listens it says so in one line of JSON: {"ready":true,"issuer":…,"kid":…}. Everything
// is in memory, and the signing key is new at each start: a restart is a key rotation.
//
// The login page takes any password, and the login name says who somebody is:
//   alice@example.com   subject and verified address are the name
//   bob                 the address is bob@users.example.com, verified
//   unverified…         the address is not verified
//   noemail…            there is no address
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    modules: { type: 'string' },
    port: { type: 'string', default: '0' },
    'redirect-uri': { type: 'string', multiple: true },
    'access-ttl': { type: 'string', default: '3600' },
  },
});
const library = join(resolve(options.modules), 'node_modules', 'oidc-provider', 'lib', 'index.js');
const { Provider } = await import(pathToFileURL(library));

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

function client(id, method, secret) {
  return {
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: method,
    redirect_uris: options['redirect-uri'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid email profile offline_access',
  };
}

const clients = [
  client('basic-client', 'client_secret_basic', 'basic-client-secret-of-the-tests'),
  client('post-client', 'client_secret_post', 'post-client-secret-of-the-tests'),
];

const kid = randomBytes(6).toString('hex');
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid }] };

function claims(login) {
  const known = { sub: login, name: login.split('@')[0] };
  if (login.startsWith('noemail')) return known;
  const email = login.includes('@') ? login : `${login}@users.example.com`;
  return { ...known, email, email_verified: !login.startsWith('unverified') };
}

function provider(issuer) {
  const it = new Provider(issuer, {
    clients,
    jwks,
    cookies: { keys: [randomBytes(24).toString('hex')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    scopes: ['openid', 'offline_access'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
    findAccount: (_, login) => ({ accountId: login, claims: () => claims(login) }),
    rotateRefreshToken: true,
    ttl: {
      AccessToken: Number(options['access-ttl']),
      AuthorizationCode: 60,
      Grant: 86400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 86400,
      Session: 86400,
    },
  });
  // What the provider thinks of each request, for whoever reads the log of a test that failed.
  for (const event of ['authorization.error', 'grant.error', 'revocation.error', 'userinfo.error', 'server_error']) {
    it.on(event, (_, error) => say({ event, error: error.message, detail: error.error_detail }));
  }
  return it;
}

// The issuer has the port in it, which is known only now.
const server = createServer();
server.listen(Number(options.port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', provider(issuer).callback());
  say({ ready: true, issuer, kid });
});
