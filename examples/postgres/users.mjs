/** In your app: what your database knows users by for good. An e-mail address changes, and the connection would not follow. */
export const users = ['ada', 'grace'];
