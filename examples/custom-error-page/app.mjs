import express from 'express';
import session from 'express-session';
import { connectAuth, connectErrorHandler, connectOptionsFromEnv } from 'express-connect-auth';

const app = express();
// Behind a proxy that ends TLS: app.set('trust proxy', 1), or the cookie is never `secure`.
app.use(
  session({
    secret: process.env.SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' },
  }),
);
// For failed sign-ins.
const connect = connectAuth({ ...connectOptionsFromEnv(), renderError: errorPage });
app.use(connect);

app.get('/', (req, res) => {
  res.send('<a href="/connect/authorize?returnTo=/type">Connect</a>, then decline, or <a href="/type">skip that</a>');
});
app.get('/type', async (req, res) => {
  const { type } = await connect.getToken(req);
  res.json({ type });
});
// For what fails in the app's own routes.
app.use(connectErrorHandler({ render: errorPage }));

const server = app.listen(process.env.PORT ?? 3000);
// What is in progress ends first, a refresh above all: it may have spent the only token that the visitor has.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => connect.close()));

/** Status and headers are set. The words are the package's own: nothing that a visitor or the provider sent. */
function errorPage(error, req, res) {
  if (req.accepts(['json', 'html']) !== 'html') return res.json({ code: error.code, title: error.title });
  const again = error.loginUrl ? `<p><a href="${error.loginUrl}">Try again</a></p>` : '';
  res.send(`<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>${error.title}</title>
<body style="font: 1.25rem/1.5 Georgia, serif; margin: 10vh 10vw">
<h1>${error.title}</h1>
<p>${error.detail}</p>
${again}
<p><small>${error.code}</small></p>`);
}
