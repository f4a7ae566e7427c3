#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| axum_users_fuzz::targets::login_form(data));
