//! Hashes that other programs made of [`PASSWORD`], each with what made it.
//!
//! Django 5.2.19, passlib 1.7.4, bcrypt 5.0.0, Werkzeug 3.1.9, argon2-cffi 25.1.0 on Python 3.11;
//! PHP 8.2.36; Node 20.20.2; argon2 0~20171227 and mkpasswd 5.5.17 of Debian 12.

/// The password of all of them.
pub const PASSWORD: &str = "velvet otter hums at nine";

/// Of each form one that is quick to compare.
pub const QUICK: &[&str] = &[
    // get_hasher('pbkdf2_sha256').encode(PASSWORD, salt, iterations=20000)
    "pbkdf2_sha256$20000$q3pAo0hfmDjj3eDRsBcvmG$XBwUqudW+65/iWkyNZsbTGRaR0JjtOKD4fMOfhWiBks=",
    // get_hasher('pbkdf2_sha1').encode(PASSWORD, salt, iterations=20000)
    "pbkdf2_sha1$20000$I9PjTf0Jqm4lH1Ue1G7NpD$oTk+Z2OoMYnaV+eS++Hct2UARN0=",
    // hasher = get_hasher('bcrypt_sha256'); hasher.rounds = 6; hasher.encode(PASSWORD, hasher.salt())
    "bcrypt_sha256$$2b$06$iUG8Q3U5oCaSNnKnoaBYT.PDoB3Gev5vGAD3SaSrFX3DcP82n06S2",
    // hasher = get_hasher('bcrypt'); hasher.rounds = 6; hasher.encode(PASSWORD, hasher.salt())
    "bcrypt$$2b$06$FvmSWeC.LiK4vWsdKXcbDOTGwgUkcBRACNAlVxfS6lqDB1zkSBXfy",
    // hasher = get_hasher('argon2'); hasher.memory_cost = 2048; hasher.encode(PASSWORD, hasher.salt())
    "argon2$argon2id$v=19$m=2048,t=2,p=8$aEtwYmw5Tk5wWUNVS0tlcXU2a0xvYQ$\
     n2uBTAVAuieLurvDTMWquiKGLoKkMTILBRppa1AN3xE",
    // get_hasher('scrypt').encode(PASSWORD, salt)
    "scrypt$16384$3x9XtEijDr0pLGyHCLC8AW$8$5$EZH0XJp+HayKqvDD699DXMbbN7FfUyifLSV5oiKg/UJ7Rs9Jw/DeB\
     ABWASGojFn9ShlGnt3SOGrwquxVvEAISw==",
    // passlib.hash.pbkdf2_sha256.hash(PASSWORD)
    "$pbkdf2-sha256$29000$Qag1xvifsxZCqPU.JwQAoA$xQveijKy62I/IGoSuF6tLua5uw91qgeeHrkiPYG6Al8",
    // passlib.hash.pbkdf2_sha512.hash(PASSWORD)
    "$pbkdf2-sha512$25000$5ByjFCLkHMP431sLgfBeaw$196id1YNzaCvAp7dYp98lR00Hu4.i23udyfjRyQg2erHPqyQjr\
     LNEw9Re/iCrlW.BfIdr5EjmrnpIdHf0NCMNA",
    // passlib.hash.sha512_crypt.using(rounds=5000).hash(PASSWORD)
    "$6$d6cMA9bINTysMoTC$qvGtWwpvvtrtrwC3AIAbJvG1tHSso9RG1CoFqyGdRty.YF55UPXgsnbpB7qXHEeD1gcy8GyEO\
     y36m.iI3jhAe1",
    // base64 without padding of hashlib.pbkdf2_hmac('sha256', PASSWORD, b'0123456789abcdef', 4096)
    "$pbkdf2-sha256$i=4096,l=32$MDEyMzQ1Njc4OWFiY2RlZg$EQZYgHTeKRECH8rgXasPJw3/SKK7v/ARTkYPmLP/xxE",
    // base64 without padding of hashlib.pbkdf2_hmac('sha512', PASSWORD, b'0123456789abcdef', 4096)
    "$pbkdf2-sha512$i=4096,l=64$MDEyMzQ1Njc4OWFiY2RlZg$QzeoqtXz6HgupLgj2wT1cTV9hnRvIxgxHZTo9gQqBVdr\
     SL4QJq6LCbdS9oo2fhemHUwIi1Vo9ghgvzGdAQt0rg",
    // base64 without padding of hashlib.scrypt(PASSWORD, salt=…, n=4096, r=8, p=2, dklen=32)
    "$scrypt$ln=12,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$eziyn3mloWQCLzxfZiOW143LGXd6lB5sHv7MeNSWPIk",
    // bcrypt.hashpw(PASSWORD, bcrypt.gensalt(rounds=10, prefix=b'2a'))
    "$2a$10$K1g9zOt5DI9IhFky1mPrieHpyF/yJbd8T2UW5nFFeWApz2SJXQjKm",
    // bcrypt.hashpw(PASSWORD, bcrypt.gensalt(rounds=4))
    "$2b$04$u5mnjCvOcsUzK4knNokc0Osf21pJWdMuPKs69uMeGdMKoYfqeCVmq",
    // password_hash(PASSWORD, PASSWORD_BCRYPT), by PHP
    "$2y$10$3DJoSpkWOSuGdmzjwLpkb.6NaT4865N1nvvZ4N4XDpfAnMFfD5LnK",
    // mkpasswd -m bcrypt -R 5 PASSWORD
    "$2b$05$whH2lfZ8A6XmHdiynYSl8eRad0qMuqzihT6/as2ry2acyzQ1YykZ6",
    // werkzeug.security.generate_password_hash(PASSWORD)
    "scrypt:32768:8:1$hzpQmWZbtyXkItPb$c6bf7de4505fd9b9118a039e65a64271b1b83e51b77f36d9fb8a0e17bdc8\
     10e4b84cff8ab79a5c7f5fd4384de1705a9ea555e9cc2e607472f01b5494b2516a87",
    // generate_password_hash(PASSWORD, 'pbkdf2:sha512:5000')
    "pbkdf2:sha512:5000$PlZTVt12w47LhCEY$2524137830eb80991b9800a62c0e75d9474ea93a6ccc1c3306a0265644\
     3a1703bbefe9448ba8bb6218a36efac64f986d62e23e2910159bb187e59815aa757557",
    // generate_password_hash(PASSWORD, 'pbkdf2:sha1:5000')
    "pbkdf2:sha1:5000$zZkEJvPdx9W1KOTk$0e307d134985190ccf8d6db5137a926ab045b25c",
    // crypto.scryptSync(PASSWORD, salt, 64).toString('hex'), by Node, with its cost before it
    "scrypt:16384:8:1$9855b4cc4742cd4eb86a73c6de0143da$dfcd27243494b3ec47725d9326f0a9b73b7ddd6d9dcb\
     0174b9cfeb321070aa5e3e4e287a8cb1c8737db9dbae9f93c5341e9bf1e12b7b37ecc9432459776c93c3",
    // scryptSync(PASSWORD, salt, 64, { N: 16384, r: 16, p: 1, maxmem: 2 ** 26 }), as better-auth has it
    "scrypt:16384:16:1$9855b4cc4742cd4eb86a73c6de0143da$d9615ba0c5391742b76d46ba857c342c420870d7dc9\
     ea3b3f022fc82feedf07835c078f969d0ab56535e31b44eb9a6f5510631e33da41d730df95d36e2b76741",
    // argon2.PasswordHasher(time_cost=2, memory_cost=1024, parallelism=2, type=Type.I).hash(PASSWORD)
    "$argon2i$v=19$m=1024,t=2,p=2$o13pGZdAoi3De6A3naW+gw$\
     w25vMKgj+ON08wbjnYw5wAua1FZOm7dEViq8P+X8DHI",
    // argon2.PasswordHasher(time_cost=2, memory_cost=1024, parallelism=2, type=Type.D).hash(PASSWORD)
    "$argon2d$v=19$m=1024,t=2,p=2$S+BW9gmDGRe2iKhSdxV0Jw$\
     aJRzcV1QrOe4sjIiJxcPAITBqyvOJigiK/1M0aMJK6E",
    // echo -n PASSWORD | argon2 somesaltsomesalt -id -t 3 -k 4096 -p 1 -l 32 -e
    "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$\
     G9+VhpJOJQ9LZK7EQRTIflMI4acEeYHCAlm+2sAkIuc",
    // echo -n PASSWORD | argon2 somesaltsomesalt -i -v 10 -t 3 -k 4096 -p 1 -l 32 -e
    "$argon2i$v=16$m=4096,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$\
     u1kiyrDubk2VBDVRktZtSqXrOBLUqjoCeK4ZK/5p5ww",
    // mkpasswd -m sha-512 PASSWORD
    "$6$1.oQwp7ejdQ2HelT$0Wc6dGx9gM8zxAwtVg78hWc9GTEKyvcb0Em/pp01hGQIs8tjqe6wWj8EQKKRLEJmv.FfzziuTG\
     MAvgRw3q2781",
    // mkpasswd -m sha-512 -R 20000 PASSWORD
    "$6$rounds=20000$PbADDIyvsSEJj9Bl$W.QIwbaTt7rY3sQfsyAZcr1eDGFrE4bpFXe/yqVD8PqRIKKRnyoj3fJUDY93z\
     M2ZQInljPBZeD6zk9PL8jfrK0",
];

/// As they are by default, some of which take a second without optimisation.
pub const COSTLY: &[&str] = &[
    // make_password(PASSWORD, hasher='pbkdf2_sha256')
    "pbkdf2_sha256$1000000$EvQrtvrUve9yxJvObYmzFk$6Lza2UmxRfTNH4hLO341weKb7L1Yzi6SKDOEZb4Gc0s=",
    // make_password(PASSWORD, hasher='pbkdf2_sha1')
    "pbkdf2_sha1$1000000$MceuCNOfNJq560NdwKePfd$4HEX5cpURRofNgMHBJ1THKgN+oM=",
    // make_password(PASSWORD, hasher='argon2')
    "argon2$argon2id$v=19$m=102400,t=2,p=8$NXY2dXVqdzRLT2tnTUt1QlZNcDBaUQ$\
     SxC3PY6uGukW9NSkVvmWimYbEXorNsfGQGSkHNrgeI4",
    // make_password(PASSWORD, hasher='bcrypt_sha256')
    "bcrypt_sha256$$2b$12$IlKe6vc62Uv7thhUrT3XZObii4n.57EWJRdl6nywXhNInIfS/.QTO",
    // make_password(PASSWORD, hasher='bcrypt')
    "bcrypt$$2b$12$OEiFumilXIFP7rO00kwhEeWQXj/Bs1IBn1dKRytnePXxAZvIdLCZi",
    // passlib.hash.pbkdf2_sha1.hash(PASSWORD)
    "$pbkdf2$131000$cA4B4Dzn/N.bM.YcA8D4Hw$Fx1ZJpTYRNJ7v9GUrEKrk53bIzw",
    // passlib.hash.scrypt.hash(PASSWORD)
    "$scrypt$ln=16,r=8,p=1$T2mNUeqdk9I6B4DQmnPuXQ$tZlNfVC6tWjHR8w9DBoB1hVHDMq2DhJmKt+vEk44p3Y",
    // passlib.hash.argon2.hash(PASSWORD)
    "$argon2id$v=19$m=65536,t=3,p=4$AqD0/l8LISSklFKK8b6Xcg$\
     Tib8VpyKkMauQmTROMhwL/2AIPLfE6zpsPhqhcQtqCk",
    // passlib.hash.sha512_crypt.hash(PASSWORD)
    "$6$rounds=656000$.SZjBqbt2rLb8bbZ$rJkAkTDAU9JZKQuYY6DmkUMW2bee4G5yu1E58tALigynI8c2L75hRM6vHtHJ\
     aJo9UREx4HwfdGGOMGzcJXxy50",
    // generate_password_hash(PASSWORD, 'pbkdf2')
    "pbkdf2:sha256:1000000$YSqz1pezoCBNesnm$\
     f9dcf44e80b4c3739db34f0d18568e076192270923b9bcaaa1c183ac601c52b2",
    // password_hash(PASSWORD, PASSWORD_ARGON2ID), by PHP
    "$argon2id$v=19$m=65536,t=4,p=1$RjVYYlZiWFpGN29XcTFnaA$\
     Jn1WowDLX3oCRpZS2b64quWTO0CIAzDvl3/d9xHxD8U",
    // password_hash(PASSWORD, PASSWORD_ARGON2I), by PHP
    "$argon2i$v=19$m=65536,t=4,p=1$WUFSeHVnSUNGeS5SOEJkVA$\
     LraldFTJWDQBh74QwhpVYTwd7bzpviUqcTMPWzUrBnI",
];

/// `bcrypt.hashpw(b'a' * 72, bcrypt.gensalt(rounds=4))`
pub const OF_72_BYTES: &str = "$2b$04$g5qf0oGz6xyCGMlGs7o7ve.I2kpwmFcvuvxpxfXJh/SqQSsqsVUCq";
/// `hasher = get_hasher('bcrypt_sha256'); hasher.rounds = 4;`
/// `hasher.encode('a' * 100, hasher.salt())`
pub const OF_100_BYTES_HASHED_FIRST: &str =
    "bcrypt_sha256$$2b$04$hw8aNSP19Y1npwljTjMTiOKKlXHK5QH0DXiPKb8ozc2T/HBtMRhNK";
/// `passlib.hash.sha512_crypt.using(rounds=1000).hash('0123456789' * 20)`
pub const OF_200_BYTES: &str = "$6$rounds=1000$YbZUvxHW2EzveTuP$MGDR1eZT0iUsY0LwgsgQbEX.i.mRxwzO/G\
     yvwMj7edMgtOsh9hlF4fdD0K.SEP/KtLBwlw4G182Onvxm3UdtQ.";
/// Of this text with its marks apart, and in one, `bcrypt.hashpw(text, bcrypt.gensalt(rounds=4))`.
pub const WITH_MARKS: &str = "Zoë Ångström liest spät";
pub const OF_MARKS_APART: &str = "$2b$04$ICRWKbGs1Z8.Bf558mTQ/.sW6F8CaNsco4KFuxpNoGJEXhI1maaNK";
pub const OF_MARKS_IN_ONE: &str = "$2b$04$UXxmg80clB/IYsHFvD9aTu6ijnJxNk1NcEccfXd3DrCjtQRkH1Eg6";
/// `${salt}:${scryptSync(PASSWORD, salt, 64).toString('hex')}`
pub const OF_NODE: &str = "9855b4cc4742cd4eb86a73c6de0143da:dfcd27243494b3ec47725d9326f0a9b73b7ddd6d\
     9dcb0174b9cfeb321070aa5e3e4e287a8cb1c8737db9dbae9f93c5341e9bf1e12b7b37ecc9432459776c93c3";
