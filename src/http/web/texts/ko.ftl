### 한국어 화면 글. 키와 인자는 `en.ftl`과 같고, 문체는 해요체로 통일해요.

## 모든 화면
product = Anteroom
skip = 본문으로 건너뛰기
home = Anteroom 시작 화면
navigation = 내 계정 메뉴
preferences = 화면 설정
nav-account = 계정
nav-sessions = 세션
nav-activity = 활동 기록
nav-remembered = 서버의 기억
sign-in = 로그인
sign-up = 회원가입
sign-out = 로그아웃
theme = 화면 모드
theme-system = 시스템
theme-light = 라이트
theme-dark = 다크
language = 언어

## 시작 화면
landing-title = 어서 오세요
landing-heading = 로그인은 한 번, 끝내는 건 언제든지
landing-lead = Anteroom은 로그인 상태를 서버에서 안전하게 관리해요. 어떤 기기에서 로그인 중인지 확인하고, 원할 때 바로 끝낼 수 있어요.
landing-signed-in-heading = 로그인되어 있어요
landing-signed-in-as = 로그인한 계정
landing-go-account = 내 계정 보기
landing-go-sessions = 로그인된 기기 보기

## 입력란
email = 이메일
name = 이름
optional = 선택
password = 비밀번호
current-password = 현재 비밀번호
new-password = 새 비밀번호
problems-mark = 오류:
problems-heading = 입력한 내용을 확인해 주세요
password-hint = { $minimum }자 이상이어야 해요. 여러 단어를 이은 문장은 안전하고 외우기도 쉬워요.
advice-strength = 비밀번호의 안전도
advice-short = #자만 더 입력해 주세요.
advice-personal = 이름이나 이메일, 서비스 이름이 들어 있어요. 빼고 입력해 주세요.
advice-dull = 같은 글자가 되풀이되거나 순서대로 이어져요. 서로 관련 없는 단어를 더해 보세요.
advice-good = 길이는 충분해요. 단어를 하나 더 이으면 더 안전해요.
advice-strong = 길고 다양해서 아주 좋아요.

## 입력란의 문제
email-missing = 이메일을 입력해 주세요.
email-invalid = name@example.com처럼 올바른 이메일 주소를 입력해 주세요.
email-not_one_at = 이메일 주소에는 @가 하나 있어야 해요. 예: name@example.com
email-too_long = 이메일 주소가 너무 길어요. 254자 이하의 주소를 입력해 주세요.
email-taken = 이미 가입된 이메일이에요. 로그인하거나 다른 이메일을 입력해 주세요.
name-too_long = 이름은 100자 이하로 입력해 주세요.
name-invisible = 이름에 제어 문자나 보이지 않는 문자는 쓸 수 없어요.
groups-invalid_name = 그룹 이름은 영어 소문자 a~z, 숫자, _, -만 써서 64자 이하로 입력해 주세요.
groups-reserved_name = user와 admin은 권한 이름이에요. 그룹에는 다른 이름을 입력해 주세요.
groups-too_many = 한 계정에는 그룹을 64개까지 입력할 수 있어요.
client-invalid_name = 이름은 제어 문자 없이 1~64자로 입력해 주세요.
client-name_taken = 다른 클라이언트가 쓰는 이름이에요. 다른 이름을 입력해 주세요.
client-too_many_clients = 클라이언트를 더 등록할 수 없어요. 먼저 하나를 제거해 주세요.
client-invalid_audience = 대상은 따옴표와 역슬래시를 뺀 ASCII 문자로 1~200자까지 입력해 주세요.
client-invalid_scope = 스코프는 따옴표와 역슬래시를 뺀 ASCII 문자로 1~200자까지 입력해 주세요.
client-too_many = 50개까지 입력할 수 있어요.
client-invalid_redirect_uri = 각 리디렉션 URI를 조각 없이 브라우저가 보내는 그대로의 https 절대 주소로 적어 주세요. http는 루프백 주소에만 쓸 수 있어요.
client-redirect_uri_missing = 공개 클라이언트에는 리디렉션 URI가 필요해요.
client-public_client = HS256은 클라이언트의 비밀 값으로 서명하는데, 공개 클라이언트에는 비밀 값이 없어요.
client-redirect_uri_unsafe = 신뢰하는 공개 클라이언트에는 https 주소가 필요해요. 다른 주소는 기기의 다른 프로그램이 가로챌 수 있어요.
client-shared_secret = HS256을 쓰려면 공개 URL이 아닌 토큰 대상이 필요해요. 클라이언트의 비밀 키로 그 대상의 토큰에 서명할 수 있기 때문이에요.
client-audience_taken = 다른 클라이언트가 쓰는 대상이 있어요. HS256에서는 대상 하나를 클라이언트 하나만 쓸 수 있어요.
client-unknown_algorithm = 알고리즘을 하나 골라 주세요.
password-missing = 비밀번호를 입력해 주세요.
password-wrong = 현재 비밀번호가 맞지 않아요. 다시 입력해 주세요.
new-password-missing = 사용할 비밀번호를 입력해 주세요.
weak-password-too_short = 비밀번호가 너무 짧아요. { $minimum }자 이상 입력해 주세요. 여러 단어를 이은 문장이 좋아요.
weak-password-too_long = 비밀번호가 너무 길어요. 1,024바이트 이하로 입력해 주세요. 한글로는 약 340자예요.
weak-password-guessable = 추측하기 쉬운 비밀번호예요. 서로 관련 없는 단어 여러 개를 이어 보세요.
weak-password-personal = 비밀번호에 이메일이나 이름, 서비스 이름이 들어 있어요. 다른 비밀번호를 입력해 주세요.
weak-password-control_characters = 비밀번호에 제어 문자는 쓸 수 없어요. 탭이나 줄바꿈을 빼 주세요.
sign-in-refused = 이메일이나 비밀번호가 맞지 않아요. 확인하고 다시 입력해 주세요.
too-many-attempts-seconds = 너무 여러 번 시도했어요. { $count }초 뒤에 다시 시도해 주세요.
too-many-attempts-minutes = 너무 여러 번 시도했어요. { $count }분 뒤에 다시 시도해 주세요.
too-many-attempts-hours = 너무 여러 번 시도했어요. { $count }시간 뒤에 다시 시도해 주세요.

## 회원가입
sign-up-title = 회원가입
sign-up-lead = 이메일과 비밀번호만 있으면 돼요.
sign-up-submit = 가입하기
sign-up-have-account = 이미 계정이 있나요?
sign-up-closed-title = 지금은 가입할 수 없어요
sign-up-closed-detail = 이 서비스의 계정은 관리자가 만들어요. 계정이 필요하면 관리자에게 문의해 주세요.

## 로그인
sign-in-title = 로그인
sign-in-remember = 이 기기에서 로그인 유지
sign-in-remember-hint = 본인만 쓰는 기기에서만 선택해 주세요.
sign-in-no-account = 처음이신가요?
sign-in-cookies-needed = 브라우저가 로그인에 필요한 쿠키를 저장하지 않아서 다시 로그아웃되었어요. 이 사이트의 쿠키를 허용한 뒤 로그인해 주세요.
sign-in-duplicate-cookies = 브라우저가 세션 쿠키를 두 개 보내서 둘 다 사용하지 않았어요. 이 사이트의 쿠키를 지운 뒤 다시 로그인해 주세요.
ended-idle_timeout = 한동안 사용하지 않아 로그아웃됐어요. 계속하려면 다시 로그인해 주세요.
ended-absolute_timeout = 로그인을 유지할 수 있는 시간이 모두 지났어요. 계속하려면 다시 로그인해 주세요.
ended-signed_out = 로그아웃했어요.
ended-revoked_by_user = 다른 기기에서 이 세션을 끝냈어요. 직접 하지 않았다면 로그인해서 비밀번호를 바꿔 주세요.
ended-revoked_by_admin = 관리자가 이 세션을 끝냈어요. 계속하려면 다시 로그인해 주세요.
ended-password_changed = 비밀번호가 바뀌어 로그아웃됐어요. 새 비밀번호로 로그인해 주세요.
ended-factor_changed = 계정의 보안 방법이 바뀌어 로그아웃됐어요. 계속하려면 다시 로그인해 주세요.
ended-credential_removed = 이 세션을 시작한 패스키가 제거됐어요. 계속하려면 다시 로그인해 주세요.
ended-role_changed = 권한이 바뀌어 로그아웃됐어요. 새 권한으로 계속하려면 다시 로그인해 주세요.
ended-session_limit = 로그인할 수 있는 기기 수를 넘어, 가장 오래된 이 세션이 끝났어요. 여기서 계속하려면 다시 로그인해 주세요.
ended-account_disabled = 사용이 중지된 계정이에요. 관리자에게 문의해 주세요.
ended-account_deleted = 삭제된 계정이에요.
ended-replaced = 세션이 갱신됐는데 이 브라우저에는 이전 세션이 남아 있었어요. 계속하려면 다시 로그인해 주세요.
ended-unknown = 이 브라우저의 이전 세션을 더 이상 찾을 수 없어요. 끝난 지 오래됐거나, 세션을 보관하던 서버가 다시 시작됐어요. 계속하려면 다시 로그인해 주세요.

## 로그아웃
sign-out-title = 로그아웃할까요?
sign-out-lead = 이 기기에서만 로그아웃돼요. 다른 기기의 로그인은 그대로 유지돼요.
sign-out-stay = 로그인 유지하기

## 계정
account-title = 내 계정
account-profile = 프로필
account-verified = 확인됨
account-unverified = 확인 안 됨
account-no-name = 입력하지 않음
account-role = 권한
account-role-user = 사용자
account-role-admin = 관리자
account-groups = 그룹
account-no-groups = 없음
account-member-since = 가입한 날
account-signed-in-since = 로그인한 시각
account-password-heading = 비밀번호 바꾸기
account-password-lead = 비밀번호를 바꾸면 다른 기기에서는 모두 로그아웃돼요. 이 기기의 로그인은 유지돼요.
account-password-submit = 비밀번호 바꾸기
account-password-changed = 비밀번호를 바꿨어요. 다른 기기에서는 모두 로그아웃됐어요.
account-profile-link = 이름이나 이메일 바꾸기
account-profile-changed = 프로필을 바꿨어요.
account-data-heading = 내 데이터
account-data-lead = 보관 중인 내 정보를 모두 파일로 받을 수 있어요. 계정을 완전히 삭제할 수도 있어요.
account-data-link = 내 데이터 내려받기
account-delete-link = 계정 삭제하기

## 프로필
profile-title = 이름과 이메일
profile-lead = 이 이메일로 로그인해요. 새 이메일은 확인되지 않은 상태가 되고, 바꾸려면 비밀번호를 한 번 더 확인해요.
profile-submit = 저장하기
profile-back = 바꾸지 않고 돌아가기

## 계정 삭제
delete-title = 계정을 삭제할까요?
delete-lead = 삭제하면 되돌릴 수 없어요. 삭제할 계정은
delete-account = 계정과 이름, 이메일이 바로 삭제돼요.
delete-sessions = 모든 기기에서 바로 로그아웃돼요.
delete-trail = 로그인과 변경 기록은 이름이나 이메일 없이 남아 있다가 보관 기간이 지나면 사라져요.
delete-confirm = 네, 계정을 삭제할게요
delete-submit = 계정 삭제하기
delete-back = 삭제하지 않고 돌아가기
delete-unconfirmed = 계정을 삭제하려면 확인란을 선택해 주세요.

## 활동 기록
activity-title = 내 계정의 활동 기록
activity-lead = 로그인과 실패한 시도, 변경 내용을 최근 순으로 보여 드려요. 직접 하지 않은 일이 있다면 비밀번호를 바꾸고 다른 세션을 끝내 주세요.
activity-none = 아직 기록이 없어요.
activity-older = 이전 기록
activity-by-administrator = 관리자가 했어요
activity-by-service = 서비스가 했어요
activity-signup = 계정을 만들었어요
activity-login = 로그인했어요
activity-login_failed = { $why ->
        [wrong_password] 로그인하지 못했어요: 비밀번호가 틀렸어요
        [wrong_code] 로그인하지 못했어요: 비밀번호는 맞았지만 코드가 틀렸어요
        [account_disabled] 로그인하지 못했어요: 사용이 중지된 계정이에요
        [session_limit_reached] 로그인하지 못했어요: 세션이 너무 많아요
        [wrong_passkey] 로그인하지 못했어요: 패스키를 확인하지 못했어요
       *[other] 로그인하지 못했어요
    }
activity-logout = 로그아웃했어요
activity-reauthenticated = { $outcome ->
        [ok] 본인 확인을 다시 했어요
        [wrong_password] 본인 확인을 하지 못했어요: 비밀번호가 틀렸어요
        [wrong_code] 본인 확인을 하지 못했어요: 코드가 틀렸어요
       *[other] 본인 확인을 하지 못했어요: 패스키를 확인하지 못했어요
    }
activity-session_ended = { $why ->
        [idle_timeout] 세션이 끝났어요: 한동안 사용하지 않았어요
        [absolute_timeout] 세션이 끝났어요: 유지할 수 있는 시간이 지났어요
        [signed_out] 세션이 끝났어요: 로그아웃했어요
        [revoked_by_user] 다른 기기에서 세션을 끝냈어요
        [revoked_by_admin] 관리자가 세션을 끝냈어요
        [password_changed] 다른 세션이 끝났어요: 비밀번호를 바꿨어요
        [factor_changed] 세션이 끝났어요: 2단계 인증이 바뀌었어요
        [credential_removed] 세션이 끝났어요: 패스키가 제거됐어요
        [role_changed] 세션이 끝났어요: 권한이 바뀌었어요
        [session_limit] 가장 오래된 세션이 끝났어요: 세션이 너무 많아요
        [account_disabled] 세션이 끝났어요: 계정 사용이 중지됐어요
        [account_deleted] 세션이 끝났어요: 계정이 삭제됐어요
        [replaced] 새로 로그인해서 세션이 바뀌었어요
       *[other] 세션이 끝났어요
    }
activity-password_changed = { $outcome ->
        [ok] 비밀번호를 바꿨어요
       *[other] 비밀번호를 바꾸지 못했어요
    }
activity-email_changed = 이메일을 바꿨어요
activity-role_changed = 권한이 바뀌었어요
activity-groups_changed = 그룹이 바뀌었어요
activity-account_disabled = 계정 사용이 중지됐어요
activity-account_enabled = 계정을 다시 쓸 수 있어요
activity-account_deleted = 계정이 삭제됐어요
activity-throttled = 짧은 시간에 너무 여러 번 시도해 거절했어요
activity-cross_origin_refused = 다른 사이트에서 온 요청을 거절했어요
activity-factor_added = 2단계 인증을 추가했어요
activity-factor_removed = 2단계 인증을 제거했어요
activity-recovery_codes_created = 새 복구 코드를 만들었어요
activity-second_factor_asked = 비밀번호가 맞아서 2단계로 넘어갔어요
activity-invitation_created = 비밀번호를 정할 링크를 만들었어요
activity-recovery_requested = 새 비밀번호 링크를 요청했어요
activity-email_verified = 이메일 주소를 확인했어요
activity-email_change_requested = 새 이메일 주소를 요청했어요
activity-email_change_cancelled = 이메일 주소 변경을 취소했어요
activity-mail_failed = 메일을 보내지 못했어요
activity-setup_used = 설정 링크로 관리자가 됐어요
activity-users_imported = 명령으로 계정을 가져왔어요
activity-users_exported = 명령으로 모든 계정을 내보냈어요
activity-token_issued = 애플리케이션용 액세스 토큰을 발급했어요
activity-consent_given = 애플리케이션을 허용함
activity-consent_withdrawn = 애플리케이션 허용을 철회함
activity-client_created = 클라이언트를 등록했어요
activity-client_changed = 클라이언트의 비밀 키를 바꿨어요
activity-client_removed = 클라이언트를 제거했어요
activity-keys_rotated = 서명 키를 바꿨어요
activity-settings_changed = 서비스 설정이 바뀌었어요

## 서버가 기억하는 것
remembered-title = 서버가 기억하는 것
remembered-lead = 로그인하면 두 가지가 남아요. 브라우저에는 뜻 없는 낱말 하나, 서버에는 기록 하나예요. 둘 다 여기서 볼 수 있어요.
remembered-browser = 이 브라우저에는
remembered-browser-lead = 쿠키 하나만 있어요. 이름과 무작위 글자 43개예요. 이 화면의 스크립트도 읽을 수 없어서 여기서도 가려져 있어요.
remembered-browser-hint = 나에 대한 정보는 들어 있지 않아요. 아래 기록이 없으면 아무것도 열지 못해요.
remembered-masked = 가려진 무작위 글자 43개
remembered-server = 서버에는
remembered-server-lead = 이 세션에 대해 보관하는 모든 정보예요. 요청이 올 때마다 찾아봐요.
remembered-left = 남은 시간:
remembered-buttons = 버튼을 누르면 바뀌는 것
remembered-buttons-lead = 다른 화면에서와 똑같이 동작해요.
remembered-does-sign-out = 위의 기록을 지워요. 쿠키도 사라지지만, 남아 있어도 더는 아무것도 열지 못해요.
remembered-does-others = 내 에포크를 1 올리고 이 세션만 함께 옮겨요. 나머지 기록은 이전 에포크라서 더는 인정되지 않아요.
remembered-does-all = 내 에포크를 1 올려요. 이 세션을 포함해 어떤 기록도 더는 인정되지 않아요.
remembered-confirm = 본인 확인하기
remembered-does-confirm = 이 브라우저에 새 무작위 낱말을 주고 기록은 유지해요. token_digest와 authenticated_at이 바뀌고 id는 그대로예요.
remembered-why = 세션이 바로 끝나는 이유
remembered-why-look = 요청마다 무작위 낱말을 보여요. 서버는 그 기록을 찾고, 없으면 누구인지 알 수 없어요.
remembered-why-end = 세션을 끝내면 그 기록을 지우거나, 기록이 맞아야 하는 에포크를 올려요.
remembered-why-next = 그래서 브라우저에 무엇이 남아 있든, 바로 다음 요청부터 어느 서버에서도 찾을 수 없어요.
field-id = 목록과 로그에 쓰는 세션의 공개 이름이에요. 아무것도 열지 못해요.
field-token_digest = 무작위 낱말의 지문(SHA-256)이에요. 낱말 자체는 보관하지 않아요.
field-user_id = 누구의 세션인지 나타내요.
field-epoch = 계정의 숫자와 같을 때만 인정돼요.
field-created_at = 시작한 시각이에요.
field-authenticated_at = 마지막으로 본인임을 확인한 시각이에요.
field-methods = 본인임을 확인한 방법이에요.
field-second_factor_at = 2단계 인증으로 마지막으로 확인한 시각이에요.
field-passkey_id = 이 세션을 시작한 패스키예요. 제거하면 세션이 끝나요.
field-last_seen_at = 마지막 요청이에요. 1분에 한 번까지만 적어요.
field-idle_expires_at = 더 사용하지 않으면 이때 끝나요.
field-expires_at = 늦어도 이때 끝나요. 절대 바뀌지 않아요.
field-timeout_rule = 두 기한을 정한 규칙이에요.
field-remember_me = 로그인 유지를 선택했는지 나타내요.
field-ip_address = 시작한 곳의 주소예요.
field-user_agent = 그때 브라우저가 밝힌 이름이에요.
field-device = 같은 내용을 말로 나타냈어요.
field-last_ip_address = 마지막으로 사용한 곳의 주소예요.
field-last_user_agent = 그때 브라우저가 밝힌 이름이에요.
field-last_device = 같은 내용을 말로 나타냈어요.
field-data = 화면이 이 세션에 스스로 보관하는 내용이에요.
account-sessions-heading = 로그인된 기기
account-sessions-lead = 내 계정으로 로그인된 기기를 확인하고, 모르는 기기의 세션은 끝낼 수 있어요.
account-sessions-link = 세션 보기

## 세션
sessions-title = 로그인된 기기
sessions-lead = 내 계정으로 로그인된 기기예요. 모르는 기기가 있다면 그 세션을 끝내고 비밀번호를 바꿔 주세요.
sessions-this-device = 이 기기
sessions-ip-address = IP 주소
sessions-ip-unknown = 알 수 없음
sessions-moved-to = 마지막 사용 위치
sessions-started = 시작
sessions-idle-ends = 미사용 시 종료
sessions-ends = 최종 종료
sessions-device = { $system }의 { $browser }
sessions-device-unknown = 알 수 없는 기기
sessions-applications = 애플리케이션
sessions-end-application = 이 애플리케이션의 세션 끝내기
sessions-end = 세션 끝내기
sessions-end-this = 여기서 로그아웃
sessions-others-heading = 다른 기기에서 모두 로그아웃
sessions-others-lead = 이 기기를 뺀 모든 기기에서 바로 로그아웃돼요. 그 기기에서 다시 쓰려면 비밀번호로 로그인해야 해요.
sessions-others-submit = 다른 기기 모두 로그아웃
sessions-only-this = 내 계정으로 로그인된 다른 기기가 없어요.
sessions-does-this = 이 기기에서만 로그아웃돼요.
sessions-does-end = 그 기기에서 로그아웃돼요. 열려 있는 화면이 있으면 1초 안에 로그인 화면으로 바뀌어요.
sessions-news = 세션 목록이 바뀌었어요.
sessions-all-heading = 모든 세션 끝내기
sessions-all-lead = 이 기기를 포함한 모든 기기에서 바로 로그아웃돼요.
sessions-all-submit = 모든 세션 끝내기
sessions-ended-one = 세션을 끝냈어요. 그 기기에서는 로그아웃됐어요.
sessions-ended-none = 이미 끝난 세션이에요.
sessions-ended-others =
    { $count ->
        [0] 끝낼 다른 세션이 없었어요.
       *[other] 다른 세션 { $count }개를 끝냈어요. 이제 이 기기만 로그인되어 있어요.
    }

## 본인 확인
reauthenticate-title = 본인인지 확인할게요
reauthenticate-lead = 중요한 작업이라 비밀번호를 한 번 더 확인해요. 확인하면 10분 동안은 다시 묻지 않아요.
reauthenticate-submit = 확인
reauthenticate-back = 확인하지 않고 돌아가기

## 첫 관리자
setup-title = Anteroom 시작하기
setup-lead = 첫 관리자 계정을 만들어 주세요. 이 링크는 한 번만 쓸 수 있어요.
setup-submit = 관리자 만들기

## 오류
error-status = 오류 { $status }
error-request-id = 요청 번호
error-home = 시작 화면으로
error-try-again = 다시 시도
error-title-invalid_credentials = 정보가 맞지 않아요
error-detail-invalid_credentials = 이메일이나 비밀번호가 맞지 않아요. 확인하고 다시 시도해 주세요.
error-title-too_many_attempts = 시도가 너무 많았어요
error-detail-too_many_attempts = 짧은 시간에 너무 여러 번 시도했어요. 몇 분 기다렸다가 다시 시도해 주세요.
error-title-busy = 지금은 접속이 많아요
error-detail-busy = 로그인하는 사람이 몰려 있어요. 몇 초 뒤에 다시 시도해 주세요.
error-title-no_session = 로그인되어 있지 않아요
error-detail-no_session = 로그인한 뒤 다시 시도해 주세요.
error-title-session_ended = 세션이 끝났어요
error-detail-session_ended = 계속하려면 다시 로그인해 주세요.
error-title-reauthentication_required = 본인 확인이 필요해요
error-detail-reauthentication_required = 비밀번호를 한 번 더 입력한 뒤 다시 시도해 주세요.
error-title-cross_origin = 이 사이트에서 보낸 요청이 아니에요
error-detail-cross_origin = 다른 사이트에서 보낸 요청이라 아무것도 바꾸지 않았어요. 여기서 화면을 열고 다시 시도해 주세요.
error-title-forbidden = 이 페이지를 볼 권한이 없어요
error-detail-forbidden = 로그인되어 있지만 이 계정으로는 열 수 없어요. 필요하면 관리자에게 문의해 주세요.
error-title-email_taken = 이미 쓰고 있는 이메일이에요
error-detail-email_taken = 이미 가입된 이메일이에요. 로그인하거나 다른 이메일을 입력해 주세요.
error-title-email_unverified = 먼저 주소를 확인해 주세요
error-detail-email_unverified = 방금 다시 보낸 메일에 있는 링크를 열어 주세요.
error-title-link_expired = 이 링크는 더 이상 쓸 수 없어요
error-detail-link_expired = 이미 썼거나, 기한이 지났거나, 더 이상 유효하지 않아요. 새 링크를 요청해 주세요.
error-title-already_verified = 이미 확인한 주소예요
error-detail-already_verified = 하실 일이 없어요.
error-title-signup_closed = 지금은 가입할 수 없어요
error-detail-signup_closed = 이 서비스의 계정은 관리자가 만들어요. 계정이 필요하면 관리자에게 문의해 주세요.
error-title-session_limit_reached = 로그인된 기기가 너무 많아요
error-detail-session_limit_reached = 로그인할 수 있는 기기 수를 모두 썼어요. 다른 기기에서 로그아웃한 뒤 다시 시도해 주세요.
error-title-too_many_passkeys = 패스키를 더 추가할 수 없어요
error-detail-too_many_passkeys = 이 계정의 패스키가 이미 최대예요. 먼저 하나를 제거해 주세요.
error-title-client_not_found = 찾는 클라이언트가 없어요
error-detail-client_not_found = 이미 제거됐을 수 있어요. 클라이언트 목록을 확인해 주세요.
error-title-last_administrator = 관리자가 한 명은 있어야 해요
error-detail-last_administrator = 다른 사람을 먼저 관리자로 지정한 뒤 다시 시도해 주세요.
error-title-cursor_expired = 더 이상 알 수 없는 위치예요
error-detail-cursor_expired = 이전에 저장해 둔 내용을 모두 버리고 지금 시점부터 다시 시작해 주세요.
error-title-malformed_body = 요청을 읽을 수 없어요
error-detail-malformed_body = 브라우저가 보낸 내용이 완전하지 않아요. 뒤로 가서 새로 고친 뒤 다시 시도해 주세요.
error-title-invalid_input = 확인할 내용이 있어요
error-detail-invalid_input = 받아들일 수 없는 값이 있어요. 뒤로 가서 입력한 내용을 확인해 주세요.
error-title-unsupported_media_type = 요청을 읽을 수 없어요
error-detail-unsupported_media_type = 이 화면이 받을 수 없는 형식이에요. 뒤로 가서 새로 고친 뒤 다시 시도해 주세요.
error-title-body_too_large = 내용이 너무 길어요
error-detail-body_too_large = 보낸 내용이 받을 수 있는 크기를 넘었어요. 줄여서 다시 시도해 주세요.
error-title-precondition_failed = 그사이에 내용이 바뀌었어요
error-detail-precondition_failed = 다른 곳에서 먼저 바꿨어요. 새로 고친 뒤 다시 시도해 주세요.
error-title-not_found = 찾는 화면이 없어요
error-detail-not_found = 주소가 잘못됐거나 없어진 화면이에요. 주소를 확인하거나 시작 화면으로 가 주세요.
error-title-method_not_allowed = 이 화면에서는 할 수 없어요
error-detail-method_not_allowed = 화면을 여는 방법이 올바르지 않아요. 시작 화면에서 다시 시도해 주세요.
error-title-misdirected = 주소가 맞지 않아요
error-detail-misdirected = 이 서비스는 다른 주소에서 열려요. 운영자는 ANTEROOM_PUBLIC_URL에 그 주소를 설정해 주세요.
error-title-unavailable = 잠시 이용할 수 없어요
error-detail-unavailable = 서비스의 일부가 응답하지 않아요. 로그아웃된 건 아니에요. 잠시 뒤에 다시 시도해 주세요.
error-title-internal = 문제가 생겼어요
error-detail-internal = 저희 쪽 문제예요. 다시 시도해 보시고, 계속되면 아래 요청 번호를 운영자에게 알려 주세요.
authorize-refused = 이 로그인을 시작할 수 없습니다
authorize-unknown-client = 여기로 보낸 애플리케이션이 이 서버에 등록되어 있지 않습니다.
authorize-unknown-redirect = 여기로 보낸 애플리케이션이 등록되지 않은 주소를 요청했습니다.
authorize-refused-hint = 애플리케이션으로 돌아가세요. 다시 발생하면 운영자에게 알려 주세요.
consent-title = { $client }에 로그인하시겠습니까?
consent-lead = { $email }(으)로 로그인되어 있습니다. 이 애플리케이션은 다음을 알게 됩니다.
consent-scope-openid = 이 서버에서 누구인지
consent-scope-profile = 이름
consent-scope-email = 이메일 주소
consent-scope-groups = 그룹
consent-scope-other = 그리고 나를 대신해 할 수 있는 일: { $scope }
consent-destination = { $destination }(으)로 돌아갑니다
consent-allow = 허용
consent-deny = 취소
form-post-title = 애플리케이션으로 돌아가기
form-post-continue = 계속
own-applications = 애플리케이션
own-applications-lead = 이 애플리케이션들은 내가 누구인지 알 수 있습니다. 철회하면 다음에 다시 묻습니다.
own-applications-none = 허용한 애플리케이션이 없습니다.
own-applications-since = 허용한 날
own-applications-scopes = 범위
own-applications-withdraw = 철회
own-applications-withdrawn = 허용을 철회했습니다. 토큰은 더 이상 인정되지 않습니다.
handover-failed = 이 로그인을 계속할 수 없습니다
handover-failed-lead = 시간이 너무 오래 걸렸거나, 이미 사용되었거나, 다른 브라우저에서 시작되었습니다. 다시 시작하세요. 아직 로그인되어 있으면 비밀번호가 필요 없습니다.
handover-start-over = 다시 시작
error-title-setup_unusable = 이 설정 링크는 쓸 수 없어요
error-detail-setup_unusable = 이미 썼거나, 기한이 지났거나, 더는 필요하지 않은 링크예요. 관리자가 아직 없다면 서비스를 다시 시작해 새 링크를 받거나, anteroom user add --admin 명령을 실행해 주세요.

## 시각
ago-now = 방금
ago-minutes = { $count }분 전
ago-hours = { $count }시간 전
ago-days = { $count }일 전
length-minutes = { $count }분
length-hours = { $count }시간
length-days = { $count }일
time-day = { $year }년 { $month }월 { $day }일
time-exact = { $year }년 { $month }월 { $day }일 { $time } UTC
active-now = 지금 사용 중
active-minutes-ago = { $count }분 전에 사용
active-hours-ago = { $count }시간 전에 사용
active-days-ago = { $count }일 전에 사용

## 초대
invitation-title = 비밀번호를 정하세요
invitation-lead = 관리자가 계정을 만들어 두었어요. 비밀번호를 정하면 바로 로그인돼요. 이 링크는 한 번만 쓸 수 있어요.
invitation-submit = 비밀번호를 정하고 로그인
error-title-invitation_unusable = 쓸 수 없는 초대 링크예요
error-detail-invitation_unusable = 이미 썼거나, 기한이 지났거나, 새 링크로 바뀌었어요. 관리자에게 새 초대 링크를 부탁하세요.

## 관리
nav-administration = 관리
admin-title = 관리
admin-places = 관리 메뉴
admin-overview = 한눈에 보기
admin-users = 계정
admin-sessions = 세션
admin-audit = 감사 기록
admin-mail = 메일
admin-mail-off = 메일이 꺼져 있어 아무것도 보내지 않아요.
admin-mail-lead = 아직 보내지 못한 메일과, 지난 한 주 동안 보내기를 그만둔 메일이에요.
admin-mail-attempts = 시도 횟수
admin-mail-next = 다음 시도
admin-clients = 클라이언트
admin-clients-lead = 액세스 토큰을 받는 애플리케이션과 백엔드예요.
admin-client-algorithm = 알고리즘
admin-client-audiences = 토큰 대상
admin-client-scopes = 스코프
admin-client-secrets = 비밀 키
admin-client-secret-of = 만든 시각:
admin-client-created = 등록일
admin-client-public-url = 공개 URL
admin-client-no-scopes = 없음
admin-client-removed = 클라이언트를 제거했어요. 이 클라이언트의 토큰은 이제 거절돼요.
admin-client-new = 새 클라이언트
admin-client-new-lead = 클라이언트가 자신을 증명할 때 쓰는 비밀 키를 만들어요. 한 번만 보여 드려요.
admin-client-new-submit = 클라이언트 등록
admin-client-audiences-hint = 백엔드의 주소나 이름을 띄어 써 주세요. 비워 두면 공개 URL이 대상이에요.
admin-client-scopes-hint = 토큰에 담을 수 있는 권한을 띄어 써 주세요.
admin-client-algorithm-hint = ES256은 어디서나 검증할 수 있어요. HS256은 비밀 키로 서명하기 때문에 이 클라이언트와 이 서버만 검증할 수 있어요.
admin-client-sign-in = 로그인
admin-client-redirect-uris = 리디렉션 URI
admin-client-redirect-uris-hint = 로그인 후 브라우저를 보낼 수 있는 주소를 그대로, 공백으로 구분해 적으세요. 없으면 아무도 이 클라이언트에 로그인할 수 없습니다.
admin-client-allowed-groups = 그룹
admin-client-allowed-groups-hint = 로그인할 수 있는 그룹을 공백으로 구분해 적으세요. 없으면 모두 가능합니다.
admin-client-public = 공개 클라이언트
admin-client-public-hint = 비밀 값을 보관할 수 없는 기기의 앱입니다. 비밀 값을 받지 않습니다.
admin-client-trusted = 신뢰하는 클라이언트
admin-client-trusted-hint = 로그인하기 전에 묻지 않으며, 이 클라이언트의 토큰은 쿠키를 대신합니다.
admin-client-yes = 예
admin-client-secret-lead = 이 비밀 키는 지금만 보여요. 다음 클라이언트에만 전해 주세요:
admin-client-another = 다른 비밀 키
admin-client-another-lead = 클라이언트가 멈추지 않도록, 가장 최근의 비밀 키는 다음 비밀 키를 만들 때까지 그대로 쓸 수 있어요. 그보다 오래된 비밀 키는 거절돼요.
admin-client-drop-old = 이전 비밀 키를 바로 거절하기
admin-client-another-submit = 비밀 키 새로 만들기
admin-client-remove = 클라이언트 제거
admin-client-remove-lead = 되돌릴 수 없어요. 이 클라이언트의 비밀 키와 토큰이 모두 바로 거절돼요. 세션은 끝나지 않아요.
admin-client-remove-sure = 네, 이 클라이언트를 제거할게요
admin-client-remove-unsure = 클라이언트를 제거하려면 확인란을 선택하세요.
admin-keys = 서명 키
admin-keys-lead = 액세스 토큰에 서명하는 키예요. 90일마다 바뀌고, 다음 명령으로도 바꿀 수 있어요: anteroom keys rotate
admin-keys-none = 아직 키가 없어요. 첫 클라이언트를 등록하면 만들어져요.
admin-key = 키
admin-key-since = 시작 시각
admin-key-next = 다음 키
admin-key-signing = 서명 중
admin-key-retired = 사용 종료
admin-session-application = 애플리케이션
admin-session-parent = 속한 세션
admin-applications = 애플리케이션
admin-application = 주소
admin-proxy = 확인을 요청하는 프록시
admin-identity-headers = 애플리케이션이 받는 헤더
admin-rules-file = 규칙 파일
admin-no-application = 애플리케이션 요청을 이 서버에 확인하는 프록시가 없습니다. ANTEROOM_FORWARD_AUTH 설정에서 지정합니다.
admin-rules = 규칙
admin-rules-lead = 처음으로 일치하는 규칙이 결정합니다. 규칙은 여기가 아니라 파일에서 바꿉니다.
admin-rule-line = 줄
admin-rule-default = 일치하는 규칙이 없을 때
admin-rule-host = 호스트
admin-rule-path = 경로
admin-rule-methods = 메서드
admin-rule-allow = 허용 대상
admin-trial = 어떤 규칙이 결정하나요?
admin-trial-lead = 요청 하나를 시험해 보세요. 계정은 방금 다시 인증했고 2단계 인증을 쓴 것으로 봅니다.
admin-trial-session-lead = 이 세션의 현재 상태로 요청 하나를 시험해 보세요.
admin-trial-method = 메서드
admin-trial-url = 스킴과 호스트를 포함한 요청의 전체 주소
admin-trial-email = 계정의 이메일 주소 (비워 두면 로그인하지 않은 사용자)
admin-trial-submit = 결정 보기
admin-decision-allowed = 이 요청은 허용됩니다.
admin-decision-sign-in = 거부: 로그인한 사용자만 허용됩니다.
admin-decision-forbidden = 거부: 규칙이 이 요청을 허용하지 않습니다.
admin-decision-reauthenticate = 거부: 먼저 다시 인증해야 합니다.
admin-decision-second-factor = 거부: 2단계 인증을 거친 세션이 필요합니다.
admin-decision-disabled = 거부: 사용이 중지된 계정입니다.
admin-decision-other-origin = 거부: 보호하는 애플리케이션의 주소가 아닙니다.
admin-decision-ambiguous = 거부: 서버마다 이 경로를 다르게 해석할 수 있습니다.
admin-decision-unreadable = 주소를 읽을 수 없습니다. 스킴과 호스트를 함께 적어 주세요.
admin-decision-no-account = 이 주소의 계정이 없습니다.
admin-user = 계정
admin-session = 세션
admin-live-sessions = 살아 있는 세션
admin-live-anonymous = 로그인하지 않은 방문자 { $count }개 별도
admin-not-counted = 아직 세지 않았어요
admin-disabled-count = 그중 사용 중지 { $count }개
admin-administrators = 활동 중인 관리자
admin-hours = 지난 24시간의 로그인
admin-days = 지난 30일의 로그인
admin-sign-ins = 로그인
admin-failures = 로그인 실패
admin-plot-description = 로그인 { $succeeded }번, 실패 { $failed }번이에요. 가장 높은 막대는 { $most }번이에요. 아래 표에 모든 숫자가 있어요.
admin-as-table = 표로 보기
admin-begins-hour = 시작
admin-begins = 시작 (UTC)
admin-search-users = 이메일 주소나 이름의 일부
admin-search = 찾기
admin-filter = 걸러 보기
admin-any = 모두
admin-none = 보여 줄 것이 없어요.
admin-none-yet = 아직 찾지 못했어요. 다음 쪽에서 더 찾아보세요.
admin-next-page = 다음 쪽
admin-status = 상태
admin-active = 사용 중
admin-disabled = 사용 중지
admin-id = 아이디
admin-user-id = 계정 아이디
admin-new-user = 새 계정
admin-new-user-lead = 계정 주인에게 줄 링크를 만들어요. 링크를 받은 사람이 비밀번호를 정하면 바로 로그인돼요.
admin-new-user-submit = 계정과 초대 링크 만들기
admin-user-deleted = 계정을 지우고 모든 세션을 끝냈어요.
admin-user-changed = 계정을 바꿨어요.
admin-sessions-ended =
    { $count ->
        [0] 끝낼 세션이 없었어요.
       *[other] 세션 { $count }개를 끝냈어요.
    }
admin-save = 저장
admin-rights = 권한과 상태
admin-rights-lead = 권한을 바꾸거나 사용을 중지하면 이 계정의 세션이 모두 바로 끝나요.
admin-make-admin = 관리자로 바꾸기
admin-make-user = 일반 사용자로 바꾸기
admin-enable = 다시 사용
admin-disable = 사용 중지
admin-groups-lead = 프록시 뒤의 애플리케이션은 권한에 이어 그룹을 Remote-Groups로 받아요. 그룹을 바꾸면 다음 요청부터 적용되고, 세션은 끝나지 않아요.
admin-groups-hint = 이름 사이를 띄어 써 주세요.
admin-groups-save = 그룹 저장
admin-invitation = 초대 링크
admin-invitation-new-lead = 계정 주인이 새 비밀번호를 정하는 링크예요. 이전 링크는 쓸 수 없게 되고, 링크를 쓰기 전까지 지금 비밀번호는 그대로예요.
admin-invitation-new = 초대 링크 만들기
admin-invitation-lead = 이 링크는 지금만 보여요. 다음 계정의 주인에게만 전해 주세요:
admin-invitation-until = 한 번만 쓸 수 있고, 기한은 다음과 같아요:
admin-delete = 계정 지우기
admin-delete-lead = 되돌릴 수 없어요. 이 계정의 세션이 모두 끝나요.
admin-delete-sure = 네, 이 계정을 지울게요
admin-delete-unsure = 계정을 지우려면 확인란을 선택하세요.
admin-all-sessions = 이 계정의 모든 세션
admin-end-all = 이 계정의 세션 모두 끝내기
admin-what-happened = 있었던 일
admin-device = 기기
admin-last-seen = 마지막 사용
admin-do = 할 일
admin-anonymous = 로그인하지 않은 방문자
admin-signed-in = 로그인함
admin-session-kind = 종류
admin-from = 시작 시각 (UTC), 예: 2026-11-21 09:00
admin-until = 끝 시각 (UTC)
admin-known = 알려진 것
admin-ended = 끝난 세션이에요:
admin-methods = 확인 방법
admin-proven = 마지막 본인 확인
admin-policy = 적용되는 시간 제한
admin-policy-standard = 로그인 유지를 선택하지 않은 세션
admin-policy-remembered = 로그인 유지를 선택한 세션
admin-policy-administrator = 관리자 세션
admin-answered = 확인 방식
admin-from-memory = 이 서버의 메모리에서 바로 답해요
admin-from-store = 저장소에 물어봐요
admin-time = 시각
admin-kind = 종류
admin-actor = 한 사람
admin-subject = 대상
admin-outcome = 결과
admin-export-csv = CSV로 내려받기
admin-export-json = JSON으로 내려받기

## 메일로 새 비밀번호 설정
sign-in-forgotten = 비밀번호를 잊으셨나요?
recover-title = 새 비밀번호 설정
recover-lead = 이메일 주소를 입력해 주세요. 새 비밀번호를 설정하는 링크를 보내 드려요.
recover-submit = 링크 보내기
recover-sent-title = 메일을 확인해 주세요
recover-sent-lead = 이 주소로 된 계정이 있으면 링크가 담긴 메일을 보내 드려요. 링크는 30분 동안 쓸 수 있어요.
set-password-title = 새 비밀번호를 정해 주세요
set-password-lead = 계정의 모든 세션이 끝나요. 그다음 새 비밀번호로 로그인해 주세요.
set-password-submit = 비밀번호 설정
signup-sent-title = 메일을 확인해 주세요
signup-sent-lead = 이 주소로 메일을 보냈어요. 메일에 있는 링크를 열어 계속해 주세요.
notice-continue = 계속
verify-email-title = 주소 확인
verify-email-lead = 이 주소가 본인의 주소인지 확인해 주세요.
verify-email-submit = 확인
verify-email-done-title = 주소를 확인했어요
verify-email-done-lead = 이제 이 주소로 로그인할 수 있어요.
cancel-email-title = 주소를 그대로 둘까요?
cancel-email-lead = 계정의 주소를 이 주소로 유지하거나 되돌리고, 모든 세션을 끝내요.
cancel-email-submit = 이 주소 유지
cancel-email-done-title = 주소가 그대로예요
cancel-email-done-lead = 계정의 모든 세션을 끝냈어요. 로그인한 뒤, 직접 바꾼 것이 아니라면 새 비밀번호를 설정해 주세요.
account-email-new = 새 이메일
account-email-new-hint = 새 주소로 보낸 링크를 열면 바뀌어요. 취소하려면 “이름이나 이메일 바꾸기”에서 지금 주소를 저장해 주세요.
account-email-pending = 새 주소로 링크를 보냈어요. 링크를 열면 주소가 바뀌어요.
account-verification-lead = 아직 주소를 확인하지 않았어요.
account-verification-submit = 링크 다시 보내기
account-verification-sent = 주소를 확인하는 링크를 보냈어요.

## 메일
mail-greeting = 안녕하세요.
mail-greeting-name = { $name } 님, 안녕하세요.
mail-footer = { $origin }에서 보낸 메일이에요. 답장은 확인하지 않아요.
mail-verification-subject = 이메일 주소를 확인해 주세요
mail-verification-lead = 이 링크를 열어 본인의 주소인지 확인해 주세요. 24시간 동안 쓸 수 있어요.
mail-verification-action = 주소 확인
mail-verification-more = 계정을 만들지 않으셨다면 이 메일을 무시해 주세요.
mail-new_address-subject = 새 이메일 주소를 확인해 주세요
mail-new_address-lead = 이 링크를 열면 계정에서 이 주소를 쓰게 돼요. 24시간 동안 쓸 수 있어요.
mail-new_address-action = 주소 확인
mail-new_address-more = 요청하지 않으셨다면 이 메일을 무시해 주세요.
mail-address_changing-subject = 이메일 주소가 곧 바뀌어요
mail-address_changing-lead = 계정에 로그인한 누군가가 다른 이메일 주소를 요청했어요:
mail-address_changing-action = 내 주소 유지
mail-address_changing-more = 본인이 아니라면 이 링크를 열어 주세요. 7일 동안 이 주소를 유지하거나 되돌리고, 모든 세션을 끝낼 수 있어요.
mail-recovery-subject = 새 비밀번호를 설정해 주세요
mail-recovery-lead = 이 링크를 열어 새 비밀번호를 설정해 주세요. 30분 동안 한 번 쓸 수 있어요.
mail-recovery-action = 새 비밀번호 설정
mail-recovery-more = 요청하지 않으셨다면 이 메일을 무시해 주세요. 비밀번호는 그대로예요.
mail-sign_up_attempt-subject = 이미 계정이 있어요
mail-sign_up_attempt-lead = 누군가 이 주소로 계정을 만들려고 했지만, 이미 계정이 있어요. 그 계정으로 로그인해 주세요.
mail-sign_up_attempt-action = 로그인
mail-sign_up_attempt-more = 본인이 아니라면 아무것도 하지 않으셔도 돼요.
mail-password_changed-subject = 비밀번호가 바뀌었어요
mail-password_changed-lead = 계정의 비밀번호가 설정됐고, 다른 세션은 끝났어요.
mail-password_changed-more = 본인이 아니라면 바로 새 비밀번호를 설정하거나 관리자에게 알려 주세요.
mail-factor_added-subject = 2단계 인증이 추가됐어요
mail-factor_added-lead = 계정에 인증 앱이나 패스키가 추가됐고, 다른 세션은 끝났어요.
mail-factor_added-more = 본인이 아니라면 바로 새 비밀번호를 설정하고, 관리자에게 제거해 달라고 해 주세요.
mail-factor_removed-subject = 2단계 인증이 제거됐어요
mail-factor_removed-lead = 계정의 인증 앱이나 패스키가 제거됐고, 세션이 끝났어요.
mail-factor_removed-more = 본인이 아니라면 바로 새 비밀번호를 설정하거나 관리자에게 알려 주세요.
mail-recovery_code_used-subject = 복구 코드를 사용했어요
mail-recovery_code_used-lead = 계정의 복구 코드가 2단계 인증 대신 사용됐어요. 그 코드는 이제 쓸 수 없어요.
mail-recovery_code_used-more = 본인이 아니라면 바로 새 비밀번호를 설정하고 복구 코드를 새로 만들어 주세요.
mail-recovery_codes_renewed-subject = 새 복구 코드를 만들었어요
mail-recovery_codes_renewed-lead = 계정의 복구 코드를 새로 만들었어요. 이전 코드는 이제 쓸 수 없어요.
mail-recovery_codes_renewed-more = 본인이 아니라면 바로 새 비밀번호를 설정하고 복구 코드를 다시 만들어 주세요.
mail-new_device-subject = 새 기기에서 로그인했어요
mail-new_device-lead = 전에 쓰지 않던 기기에서 계정을 사용했어요:
mail-new_device-more = 본인이 아니라면 비밀번호를 바꿔 주세요. 다른 세션이 모두 끝나요.
mail-invitation-subject = 계정에 초대받으셨어요
mail-invitation-lead = 관리자가 계정을 만들었어요. 이 링크를 열어 비밀번호를 설정해 주세요. 7일 동안 쓸 수 있어요.
mail-invitation-action = 비밀번호 설정
mail-test-subject = 메일 서버 시험
mail-test-lead = 메일이 도착하는지 보려고 운영자가 보낸 메일이에요.

## 2단계 인증
code = 코드
code-hint = 인증 앱에 보이는 여섯 자리 숫자예요.
code-hint-either = 인증 앱에 보이는 여섯 자리 숫자나 복구 코드를 입력해 주세요.
code-wrong = 코드가 틀렸거나 이미 사용됐어요. 다음 코드를 기다려 주세요.
second-step-title = 한 단계 더 있어요
second-step-lead = 비밀번호는 맞았어요. 이 계정은 코드도 확인해요.
second-step-back = 다른 계정으로 로그인
factors-title = 2단계 인증
factors-app = 인증 앱
factors-app-lead = 휴대전화의 앱이 30초마다 새 코드를 보여 줘요. 로그인할 때 비밀번호와 코드가 필요해져요.
factors-on = 사용 중
factors-off = 사용 안 함
factors-set-up = 앱 설정하기
factors-replace = 다른 앱 설정하기
factors-remove = 앱 제거하기
factors-removed = 앱을 제거했어요. 다른 세션은 끝났어요.
factors-added = 2단계 인증을 추가했어요. 다른 세션은 끝났어요.
factors-back = 계정으로 돌아가기
set-up-title = 인증 앱 설정
set-up-required = 이 계정은 2단계 인증을 설정해야 쓸 수 있어요.
set-up-scan = 인증 앱으로 이 그림을 찍어 주세요.
set-up-qr = 인증 앱을 위한 QR 코드
set-up-open = 이 기기의 앱에서 열기
set-up-type = 또는 앱에 이 키를 입력해 주세요.
set-up-confirm = 지금 앱에 보이는 코드를 입력해 주세요.
set-up-submit = 앱 추가하기
set-up-back = 나중에 하기
second-step-lead-passkey = 비밀번호는 맞았어요. 이 계정은 패스키나 코드도 확인해요.
set-up-passkey = 또는 패스키를 추가하세요. 이 기기의 지문, 얼굴, PIN으로 확인해요.
passkey-use = 패스키로 계속하기
passkey-wrong = 패스키를 확인하지 못했어요. 다시 시도하거나 다른 방법으로 로그인해 주세요.
passkeys-title = 패스키
passkeys-lead = 이 기기나 휴대전화, 보안 키의 패스키로 비밀번호 없이 로그인해요. 지문, 얼굴, PIN으로 확인해요.
passkeys-add = 패스키 추가하기
passkeys-failed = 패스키를 추가하지 못했어요. 다시 시도해 주세요.
passkeys-here = 이 기기에는 이 계정의 패스키가 이미 있어요.
passkeys-name = 패스키 이름
passkeys-rename = 이름 저장하기
passkeys-remove = 패스키 제거하기
passkeys-made = 추가한 날:
passkeys-used = 마지막 사용:
passkeys-backed-up = 백업됨
passkeys-added = 패스키를 추가했어요. 다른 세션은 끝났어요.
passkeys-renamed = 이름을 저장했어요.
passkeys-removed = 패스키를 제거했어요. 이 패스키로 시작한 세션은 끝났어요.
passkeys-name-refused = 이름을 100자 이내로 입력해 주세요.
codes-title = 복구 코드
codes-once = 이 코드를 인쇄하거나 내려받아 안전한 곳에 보관해 주세요. 지금 한 번만 보여요.
codes-lead = 휴대전화를 잃어버렸을 때처럼 앱이나 패스키가 없으면 복구 코드로 로그인해요. 코드는 한 번씩만 쓸 수 있어요.
codes-left = { $count ->
        [0] 남은 코드가 없어요. 새로 만들어 주세요.
       *[other] 코드가 { $count }개 남았어요.
    }
codes-renew = 새 복구 코드 만들기
codes-download = 텍스트 파일로 내려받기
codes-continue = 계속하기
account-factor-heading = 2단계 인증
account-factor-lead = 패스키로 로그인하거나, 비밀번호와 함께 휴대전화 앱의 코드를 확인해요.
account-factor-link = 2단계 인증
reauthenticate-lead-code = 이 계정은 2단계 인증을 써요. 계속하려면 코드를 입력해 주세요.
reauthenticate-lead-passkey = 이 계정은 2단계 인증을 써요. 패스키를 쓰거나 코드를 입력해 주세요.
admin-factors = 2단계 인증
admin-factors-lead = 모두 잃어버린 사용자를 위해 인증 앱, 패스키, 복구 코드를 지워요. 계정의 모든 세션이 끝나요.
admin-factors-reset = 2단계 인증 모두 제거하기
admin-factors-none = 이 계정에는 2단계 인증이 없어요.
