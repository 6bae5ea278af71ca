import { connectAuth, connectOptionsFromEnv } from '../../../src';
import { judgeOptions } from '../../../src/cli/doctor/configuration-findings';

// Several redirect URIs in one variable: what the app and the doctor make of it.

describe('CONNECT_REDIRECT_URI', () => {
  const env = (value: string): Record<string, string> => ({
    CONNECT_CLIENT_ID: 'a',
    CONNECT_CLIENT_SECRET: 'b',
    CONNECT_REDIRECT_URI: value,
  });
  const A = 'https://a.example/connect/callback';
  const mistakes = [
    [`${A},b.example/connect/callback`],
    [`${A},htps://b.example/connect/callback`],
    [`${A};https://b.example/connect/callback`],
    [`${A},/connect/callback`],
  ];

  test.each(mistakes)('the doctor finds fault with %s', (value) => {
    const { findings } = judgeOptions(env(value), '/connect/callback');
    expect(findings.map(({ verdict }) => verdict)).toEqual(['fail']);
  });

  test.each(mistakes)('connectAuth() refuses %s', (value) => {
    expect(() => connectAuth(connectOptionsFromEnv(env(value)))).toThrow('redirectUri');
  });

  test.each([
    [`${A},https://b.example/connect/callback`, 'ok'],
    [`${A}, https://b.example/connect/callback`, 'ok'],
    [`${A},\nhttps://b.example/connect/callback`, 'ok'],
    [`${A} https://b.example/connect/callback`, 'fail'],
    [`${A},${A}`, 'fail'],
    [`${A},`, 'fail'],
    [`,${A}`, 'fail'],
    [`${A},http://b.example/connect/callback`, 'fail'],
  ])('doctor: %j', (value, verdict) => {
    const { findings } = judgeOptions(env(value), '/connect/callback');
    expect(findings.map((one) => one.verdict)).toEqual([verdict]);
    expect(JSON.stringify(findings)).not.toContain('example');
  });
});
