mod forgot_password;
mod login;
mod logout;
mod refresh;
mod register;
mod request_verify_token;
mod reset_password;
mod verify;
