/**
 * AWS Signature Version 4 as the service checks it.
 * Page: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read 2026-11.
 */
import { createHash, createHmac } from 'node:crypto';
import type { FakeRequest } from '../fake-server.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

export type Signed =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unknown key' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'signed'; readonly accessKeyId: string; readonly region: string };

export function checkSignature(request: FakeRequest, secretOf: (accessKeyId: string) => string | undefined): Signed {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/([^/,]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!match) return { kind: 'missing' };
  const [, accessKeyId = '', day = '', region = '', service = '', signedHeaders = '', signature = ''] = match;
  const secret = secretOf(accessKeyId);
  if (secret === undefined) return { kind: 'unknown key' };
  const headers = signedHeaders
    .split(';')
    .map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}\n`,
    )
    .join('');
  const canonical = [request.method, request.path, '', headers, signedHeaders, sha256(request.text)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', String(request.headers['x-amz-date'] ?? ''), scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request');
  const right = createHmac('sha256', key).update(toSign).digest('hex') === signature;
  return right && service === 'secretsmanager' ? { kind: 'signed', accessKeyId, region } : { kind: 'wrong' };
}
